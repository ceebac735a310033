import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A program of this folder in a process of its own, on one processor: it is asked, and answers. */
export class TalkingChild<Questions extends object> {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  #lastId = 0;

  constructor(file: string, processor: number, options: { args?: readonly string[]; node?: readonly string[] } = {}) {
    const entry = fileURLToPath(new URL(file, import.meta.url));
    // taskset(1) becomes node: the pid is its own.
    const argv = ['-c', String(processor), process.execPath, ...(options.node ?? []), entry, ...(options.args ?? [])];
    this.#child = spawn('taskset', argv, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.#child.on('message', (answer: Answer) => this.#hear(answer));
    this.#child.on('error', (error) => this.#fail(error));
    this.#child.on('exit', (code, signal) => this.#fail(new Error(`${file} ended (${code ?? signal})`)));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  ask<Kind extends keyof Questions & string>(
    kind: Kind,
    ...args: ArgsOf<Questions[Kind]>
  ): Promise<AnswerOf<Questions[Kind]>> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, kind, args }, (error) => error && reject(error));
    });
  }

  /** Ends it; it cleans up after itself when the channel closes. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  #hear({ id, value, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(value as never);
    else waiting?.reject(new Error(error));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

// biome-ignore lint/suspicious/noExplicitAny: stands for any list of arguments
type Action = (...args: any[]) => unknown;
type ArgsOf<One> = One extends Action ? Parameters<One> : never;
type AnswerOf<One> = One extends Action ? Awaited<ReturnType<One>> : never;

/** The child's side: answers by the method that is named like the question, until the parent is gone. */
export function answerParent(actions: object, stop: () => Promise<void> | void): void {
  process.on('message', ({ id, kind, args }: { id: number; kind: string; args: unknown[] }) => {
    const action = (actions as Record<string, Action>)[kind]!;
    // Called inside, so that what it throws is an answer too.
    (async () => action.apply(actions, args))().then(
      (value) => process.send?.({ id, value }),
      (error: Error) => process.send?.({ id, error: error.stack ?? error.message }),
    );
  });
  process.once('disconnect', async () => {
    await stop();
    process.exit(0);
  });
}
