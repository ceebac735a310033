import { setMaxListeners } from 'node:events';
import { Deadline } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type { BusRecord, Producer } from '../bus.js';

/** Appends records, waits until they are committed; false when `signal` aborts before. */
export type SendAndWait = (topic: string, records: readonly BusRecord[], signal: AbortSignal) => Promise<boolean>;

/** A sender in this process. `stop` ends its calls that still wait. */
export class MemoryProducer implements Producer {
  readonly #stopping = new AbortController();

  constructor(private readonly sendAndWait: SendAndWait) {
    // Each call that waits listens: Node would take more than ten for a leak.
    setMaxListeners(0, this.#stopping.signal);
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  async send(topic: string, records: readonly BusRecord[], timeoutMs: number): Promise<void> {
    const deadline = new Deadline(timeoutMs, this.#stopping.signal);
    try {
      if (await this.sendAndWait(topic, records, deadline.signal)) return;
    } finally {
      deadline.clear();
    }
    if (this.#stopping.signal.aborted) throw new BpfleetError('BUS_CLOSED', `the producer for ${topic} was stopped`);
    throw new BpfleetError('BUS_TIMEOUT', `no consumer has committed the records on ${topic} within ${timeoutMs} ms`);
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    return Promise.resolve();
  }
}
