import { Worker } from 'node:worker_threads';
import { BpfleetError } from '@bpfleet/errors';
import { WakeUp } from '@bpfleet/linux';
import type { CaptureNews, CaptureOrder, CaptureThreadData } from './capture-messages.js';
import type { CaptureTarget, PacketSource, SourceEvents, TargetState } from './packet-source.js';

export type RingSourceOptions = Omit<CaptureThreadData, 'wakeUpDescriptor'>;

type OrderWithoutId = CaptureOrder extends infer O ? (O extends CaptureOrder ? Omit<O, 'id'> : never) : never;

/** The AF_PACKET source: rings are opened and walked in a thread of their own, this is its face in the main thread. */
export class RingSource implements PacketSource {
  readonly kind = 'ring';
  readonly abilities = { kernelProgram: true, nanosecondTime: true, kernelCounters: true, vlanMetadata: true };
  #thread: Worker | undefined;
  #wakeUp: WakeUp | undefined;
  #exited: Promise<void> = Promise.resolve();
  #lastId = 0;
  readonly #waiting = new Map<number, { resolve: (states: TargetState[]) => void; reject: (error: Error) => void }>();

  constructor(private readonly options: RingSourceOptions) {}

  async start(events: SourceEvents): Promise<void> {
    const wakeUp = WakeUp.create();
    const workerData: CaptureThreadData = { ...this.options, wakeUpDescriptor: wakeUp.fd };
    const thread = new Worker(threadFile(), { workerData });
    this.#wakeUp = wakeUp;
    this.#thread = thread;
    thread.on('error', (error) => events.fatal(error));
    this.#exited = new Promise((resolve) => {
      thread.once('exit', () => {
        this.#thread = undefined;
        for (const { reject } of this.#waiting.values())
          reject(new BpfleetError('INTERNAL', 'the capture thread ended'));
        this.#waiting.clear();
        resolve();
      });
    });
    await new Promise<void>((resolve, reject) => {
      thread.once('error', reject);
      thread.on('message', (news: CaptureNews) => {
        if (news.kind === 'ready') resolve();
        else if (news.kind === 'section') events.section(news.section);
        else this.#answer(news.id, news.states);
      });
    });
  }

  apply(targets: readonly CaptureTarget[], flushWindowMs: number): Promise<TargetState[]> {
    return this.#order({ kind: 'apply', targets, flushWindowMs });
  }

  report(): Promise<TargetState[]> {
    return this.#order({ kind: 'report' });
  }

  async stop(): Promise<void> {
    if (this.#thread !== undefined) await this.#order({ kind: 'stop' });
    await this.#exited;
    this.#wakeUp?.close();
    this.#wakeUp = undefined;
  }

  #order(order: OrderWithoutId): Promise<TargetState[]> {
    return new Promise((resolve, reject) => {
      if (this.#thread === undefined) {
        reject(new BpfleetError('INTERNAL', 'the capture thread does not run'));
        return;
      }
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve, reject });
      this.#thread.postMessage({ ...order, id });
      this.#wakeUp?.wake();
    });
  }

  #answer(id: number, states: TargetState[]): void {
    this.#waiting.get(id)?.resolve(states);
    this.#waiting.delete(id);
  }
}

/** Node runs the built file; a test that reads this one from source still needs the built one. */
function threadFile(): URL {
  const folder = import.meta.url.endsWith('.ts') ? '../../dist/capture/' : './';
  return new URL(`${folder}capture-thread.js`, import.meta.url);
}
