import { once } from 'node:events';
import type { BusRecord, Producer } from '@bpfleet/bus';
import { Deadline } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';

/** A producer that sends nothing before something has happened. */
export class HeldProducer implements Producer {
  readonly #stopping = new AbortController();
  /** Of a signal, listeners can be taken off again; of a promise that may never resolve, each send would stay. */
  readonly #released = new AbortController();

  /** @param released resolves when it may send */
  constructor(
    private readonly producer: Producer,
    released: Promise<void>,
  ) {
    void released.then(() => this.#released.abort());
  }

  start(): Promise<void> {
    return this.producer.start();
  }

  async send(topic: string, records: readonly BusRecord[], timeoutMs: number): Promise<void> {
    if (this.#released.signal.aborted) return this.producer.send(topic, records, timeoutMs);
    const deadline = new Deadline(timeoutMs, this.#stopping.signal);
    try {
      await this.#untilReleased(deadline.signal);
      await this.producer.send(topic, records, deadline.remainingMs);
    } finally {
      deadline.clear();
    }
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    return this.producer.stop();
  }

  async #untilReleased(signal: AbortSignal): Promise<void> {
    try {
      await once(this.#released.signal, 'abort', { signal });
    } catch (cause) {
      throw new BpfleetError('BUS_TIMEOUT', 'the brokers have not said where they are, so nothing is sent yet', {
        cause,
      });
    }
  }
}
