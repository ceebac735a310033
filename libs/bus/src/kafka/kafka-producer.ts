import { setMaxListeners } from 'node:events';
import { Deadline } from '@bpfleet/contract';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import type { Producer as KafkaJsProducer, Message } from 'kafkajs';
import type { BusRecord, Producer } from '../bus.js';
import { checkRecords } from '../record-limits.js';
import { Retries } from '../retry-delay.js';
import { KafkaClient } from './kafka-client.js';
import { brokerErrorOf } from './kafka-errors.js';
import type { KafkaBusOptions } from './kafka-options.js';
import { kafkajs } from './kafkajs.js';
import { requestsOf } from './produce-requests.js';

const RETRY_DELAY = { firstMs: 100, maxMs: 2_000 } as const;
const STOP_TIMEOUT_MS = 2_000;
/** All replicas in sync have it. */
const ACKS_ALL = -1;
/** What the broker will say again about the same bytes. */
const REFUSALS: readonly string[] = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'];

/**
 * Publishes with `acks=all`, one call after the other, and sends the same bytes again until they are acknowledged or the
 * time is over. kafkajs's idempotence stays off: it loses records that it reports as written when a connection breaks
 * (it gives a batch's sequence number to the next one). What is written twice is told apart by (agent, epoch, seq).
 */
export class KafkaProducer implements Producer {
  readonly #stopping = new AbortController();
  #open: { client: KafkaClient; producer: KafkaJsProducer } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: KafkaBusOptions) {
    // Each call that waits listens: Node would take more than ten for a leak.
    setMaxListeners(0, this.#stopping.signal);
  }

  /** Connects with the first `send`: a broker that is away now may be back by then. */
  start(): Promise<void> {
    return Promise.resolve();
  }

  async send(topic: string, records: readonly BusRecord[], timeoutMs: number): Promise<void> {
    checkRecords(topic, records);
    const deadline = new Deadline(timeoutMs, this.#stopping.signal);
    const before = this.#turn;
    const sent = this.#sendAfter(before, topic, records, deadline);
    // Also behind `before`: who gives up waiting must not let the next one overtake it.
    this.#turn = Promise.allSettled([before, sent]);
    try {
      await sent;
    } catch (error) {
      if (hasCode(error, 'RECORD_INVALID')) throw error;
      if (this.#stopping.signal.aborted)
        throw new BpfleetError('BUS_CLOSED', 'the producer was stopped', { cause: error });
      throw new BpfleetError('BUS_TIMEOUT', `Kafka has not acknowledged records for ${topic} within ${timeoutMs} ms`, {
        cause: error,
      });
    } finally {
      deadline.clear();
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#turn;
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    await open.client.within(STOP_TIMEOUT_MS, 'let go', () => open.producer.disconnect()).catch(() => undefined);
    open.client.tearDown();
  }

  async #sendAfter(
    before: Promise<unknown>,
    topic: string,
    records: readonly BusRecord[],
    deadline: Deadline,
  ): Promise<void> {
    await Promise.race([before, aborted(deadline.signal)]);
    for (const messages of requestsOf(records)) await this.#publish(topic, messages, deadline);
  }

  /** One request, again and again until it is acknowledged. Rejects with the last failure. */
  async #publish(topic: string, messages: Message[], deadline: Deadline): Promise<void> {
    const retries = new Retries(RETRY_DELAY);
    for (let last: unknown; ; ) {
      if (deadline.signal.aborted) throw last ?? new Error('no time was left to send');
      try {
        return await this.#request(topic, messages, deadline);
      } catch (error) {
        last = error;
        const refusal = brokerErrorOf(error);
        if (refusal !== undefined && REFUSALS.includes(refusal)) {
          throw new BpfleetError('RECORD_INVALID', `Kafka refuses a record for ${topic}: ${refusal}`, { cause: error });
        }
      }
      this.options.logger?.warn({ topic, err: last }, 'publishing failed, trying again');
      await retries.wait(deadline.signal);
    }
  }

  async #request(topic: string, messages: Message[], deadline: Deadline): Promise<void> {
    const { client, producer } = await this.#connect(deadline);
    const timeoutMs = Math.ceil(Math.min(deadline.remainingMs, client.requestTimeoutMs));
    const abort = () => client.tearDown();
    deadline.signal.addEventListener('abort', abort);
    try {
      await client.within(timeoutMs, `acknowledge records for ${topic}`, () =>
        producer.send({
          topic,
          messages,
          acks: ACKS_ALL,
          timeout: client.requestTimeoutMs,
          compression: kafkajs.CompressionTypes.Snappy,
        }),
      );
    } catch (error) {
      // Whatever it was, a new connection has nothing of it.
      this.#giveUp(client);
      throw error;
    } finally {
      deadline.signal.removeEventListener('abort', abort);
    }
  }

  async #connect(deadline: Deadline): Promise<{ client: KafkaClient; producer: KafkaJsProducer }> {
    if (this.#open && !this.#open.client.isDown) return this.#open;
    const client = new KafkaClient(this.options);
    const producer = client.kafka.producer({
      idempotent: false,
      allowAutoTopicCreation: false,
      createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    });
    const { watch } = this.options;
    if (watch) {
      producer.on(producer.events.REQUEST, ({ payload }) => {
        if (payload.apiName === 'Metadata') watch.askedForMetadata();
      });
    }
    this.#open = { client, producer };
    const timeoutMs = Math.ceil(Math.min(deadline.remainingMs, client.requestTimeoutMs));
    try {
      await client.within(timeoutMs, 'accept a connection', () => producer.connect());
    } catch (error) {
      this.#giveUp(client);
      throw error;
    }
    return this.#open;
  }

  #giveUp(client: KafkaClient): void {
    client.tearDown();
    this.options.watch?.gaveUp();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
