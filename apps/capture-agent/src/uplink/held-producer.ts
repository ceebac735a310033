import type { BusRecord, Producer } from '@bpfleet/bus';
import { Deadline } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';

/** A producer that sends nothing before something has happened. */
export class HeldProducer implements Producer {
  readonly #stopping = new AbortController();

  /** @param released resolves when it may send */
  constructor(
    private readonly producer: Producer,
    private readonly released: Promise<void>,
  ) {}

  start(): Promise<void> {
    return this.producer.start();
  }

  async send(topic: string, records: readonly BusRecord[], timeoutMs: number): Promise<void> {
    const deadline = new Deadline(timeoutMs, this.#stopping.signal);
    try {
      await Promise.race([this.released, overTime(deadline.signal)]);
    } finally {
      deadline.clear();
    }
    await this.producer.send(topic, records, timeoutMs);
  }

  stop(): Promise<void> {
    this.#stopping.abort();
    return this.producer.stop();
  }
}

const overTime = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const refuse = (): void =>
      reject(new BpfleetError('BUS_TIMEOUT', 'the brokers have not said where they are, so nothing is sent yet'));
    if (signal.aborted) refuse();
    else signal.addEventListener('abort', refuse, { once: true });
  });
