import type { Consumer, ConsumerOptions } from '../bus.js';
import { defaultRetryDelay, Retries } from '../retry-delay.js';
import { ConsumerSession } from './consumer-session.js';
import type { KafkaBusOptions } from './kafka-options.js';

/** A member of a consumer group that never gives up: after each failure it joins again, with a new client. */
export class KafkaConsumer implements Consumer {
  readonly #stopping = new AbortController();
  #ended: Promise<void> | undefined;

  constructor(
    private readonly bus: KafkaBusOptions,
    private readonly options: ConsumerOptions,
  ) {}

  /** Does not wait for the broker: one that is away now is reported to `onError` and tried again. */
  async start(): Promise<void> {
    this.#ended ??= this.#run(this.#stopping.signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const retries = new Retries(this.bus.retryDelay ?? defaultRetryDelay);
    while (!signal.aborted) {
      const session = new ConsumerSession(this.bus, this.options);
      try {
        await session.run(signal);
      } catch (error) {
        if (!signal.aborted) this.options.onError(error);
      }
      if (session.hasJoined) retries.succeeded();
      await retries.wait(signal);
    }
  }
}
