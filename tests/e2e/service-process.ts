import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = new URL('../../', import.meta.url).pathname;
const READY_POLL_MS = 50;
const READY_TIMEOUT_MS = 30_000;

export interface ServiceOptions {
  readonly name: string;
  /** Below the repository's root: `apps/analytics/dist/main.js`. */
  readonly entry: string;
  readonly args?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Spawns it elsewhere: in a network namespace. */
  readonly spawn?: (argv: readonly string[], options: SpawnOptions) => ChildProcess;
}

/** One process of ours as an operator would run it: built code, its environment, its output kept. */
export class ServiceProcess {
  readonly process: ChildProcess;
  readonly #exited: Promise<unknown>;
  output = '';
  stdout = '';

  constructor(private readonly options: ServiceOptions) {
    const argv = [process.execPath, `${ROOT}${options.entry}`, ...(options.args ?? [])];
    const start = options.spawn ?? (([command, ...rest], spawnOptions) => spawn(command!, rest, spawnOptions));
    this.process = start(argv, {
      env: {
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? '',
        TMPDIR: process.env.TMPDIR ?? '/tmp',
        ...options.env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exited = once(this.process, 'exit');
    this.process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.output += text;
    });
    this.process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.output += text;
    });
  }

  get hasExited(): boolean {
    return this.process.exitCode !== null || this.process.signalCode !== null;
  }

  /** Resolves when the condition holds. Fails with the process's output when it ends before or takes too long. */
  async until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = READY_TIMEOUT_MS): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!(await holds())) {
      if (this.hasExited || performance.now() > deadline) {
        const how = this.hasExited ? `ended (${this.process.exitCode ?? this.process.signalCode})` : 'took too long';
        throw new Error(`${this.options.name} ${how}; waited for ${what}:\n${this.output.slice(-5000)}`);
      }
      await delay(READY_POLL_MS);
    }
  }

  ready(url: string): Promise<void> {
    return this.until(url, () =>
      fetch(url).then(
        (response) => response.ok,
        () => false,
      ),
    );
  }

  /** @returns the exit code */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (!this.hasExited) this.process.kill(signal);
    await this.#exited;
    return this.process.exitCode;
  }

  async exit(): Promise<number | null> {
    await this.#exited;
    return this.process.exitCode;
  }
}
