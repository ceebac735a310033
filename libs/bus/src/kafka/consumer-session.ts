import { BpfleetError } from '@bpfleet/errors';
import type { ConsumerGroupJoinEvent, EachBatchPayload, Consumer as KafkaJsConsumer } from 'kafkajs';
import type { ConsumerOptions, LogPartition } from '../bus.js';
import { PartitionReader } from '../partition/partition-reader.js';
import { PartitionSlot } from '../partition/partition-slot.js';
import { defaultRetryDelay } from '../retry-delay.js';
import { BatchMailbox } from './batch-mailbox.js';
import { withHeartbeats } from './heartbeats.js';
import { KafkaAdmin } from './kafka-admin.js';
import { KafkaClient } from './kafka-client.js';
import { defaultPartitionsAtOnce, type KafkaBusOptions } from './kafka-options.js';
import { receivedRecords } from './received-records.js';

export const defaultSessionTimeoutMs = 6_000;
/** kafkajs waits 5 s longer than this for the answer to a join. */
const REBALANCE_TIMEOUT_MS = 9_000;
/**
 * No fetch, heartbeat or join was answered for so long: kafkajs has stopped (tulios/kafkajs#659, #1072). Looked at each
 * second, and so ended within 15 s also on a busy machine.
 */
const STALL_TIMEOUT_MS = 13_000;
const COMMIT_EVERY_MS = 1_000;
const STOP_TIMEOUT_MS = 5_000;
/** An answer comes at once when there is data. What is assigned or resumed meanwhile waits for the next fetch. */
const FETCH_WAIT_MS = 250;
const BYTES_PER_PARTITION = 4 * 2 ** 20;
const BYTES_PER_FETCH = 16 * 2 ** 20;

interface Held {
  readonly slot: PartitionSlot;
  mailbox: BatchMailbox;
  reader: PartitionReader;
}

/**
 * One life of a group member: joins, reads what it is assigned, and ends when it is told to or when kafkajs fails. The
 * group only says who reads which partition; where to read, the handler says.
 */
export class ConsumerSession {
  readonly #client: KafkaClient;
  readonly #admin: KafkaAdmin;
  readonly #consumer: KafkaJsConsumer;
  readonly #held = new Map<number, Held>();
  /** Offsets to tell Kafka, which shows them as the group's lag. Nobody reads from there. */
  readonly #uncommitted = new Map<number, bigint>();
  #logId = '';
  #lastSignMs = performance.now();
  #hasJoined = false;
  #isOver = false;
  #endWatch: () => void = () => undefined;

  constructor(
    private readonly bus: KafkaBusOptions,
    private readonly options: ConsumerOptions,
  ) {
    const sessionTimeout = bus.sessionTimeoutMs ?? defaultSessionTimeoutMs;
    this.#client = new KafkaClient(bus);
    this.#admin = new KafkaAdmin(bus);
    this.#consumer = this.#client.kafka.consumer({
      groupId: options.group,
      sessionTimeout,
      heartbeatInterval: this.#heartbeatMs,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      maxWaitTimeInMs: FETCH_WAIT_MS,
      maxBytesPerPartition: BYTES_PER_PARTITION,
      maxBytes: BYTES_PER_FETCH,
      allowAutoTopicCreation: false,
      // kafkajs would go on with a client that failed; the next session has a new one.
      retry: { retries: 5, restartOnFailure: async () => false },
    });
  }

  /** Whether it became a member: then what failed later is a new failure, not the same one again. */
  get hasJoined(): boolean {
    return this.#hasJoined;
  }

  /** Resolves after `signal` aborts and the partitions are given back. Rejects when a new session must take over. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = this.#end(signal);
    // It may reject while the steps below still wait.
    ended.catch(() => undefined);
    try {
      await Promise.race([this.#start(), ended]);
      await ended;
    } finally {
      await this.#stop();
    }
  }

  get #heartbeatMs(): number {
    return Math.round((this.bus.sessionTimeoutMs ?? defaultSessionTimeoutMs) / 6);
  }

  async #start(): Promise<void> {
    const { topic } = this.options;
    const limit = this.#client.requestTimeoutMs;
    this.#logId = await this.#askLogId();
    await this.#client.within(limit, 'accept a connection', () => this.#consumer.connect());
    // From the beginning: where kafkajs goes by itself after an offset that is not there.
    await this.#client.within(limit, `find ${topic}`, () => this.#consumer.subscribe({ topic, fromBeginning: true }));
    await this.#client.within(REBALANCE_TIMEOUT_MS + limit, `let it join ${this.options.group}`, () =>
      this.#consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: this.bus.partitionsAtOnce ?? defaultPartitionsAtOnce,
        eachBatch: (payload) => this.#eachBatch(payload),
      }),
    );
  }

  async #askLogId(): Promise<string> {
    const { ownId } = this.bus;
    if (ownId === undefined) throw new BpfleetError('CONFIG_INVALID', 'a consumer needs ownId, to know its log again');
    return `${await this.#admin.clusterId()}/${this.options.topic}/${await ownId()}`;
  }

  /** Resolves when told to end, rejects when kafkajs gave up or went silent. */
  #end(signal: AbortSignal): Promise<void> {
    const { events } = this.#consumer;
    const sign = () => {
      this.#lastSignMs = performance.now();
    };
    for (const event of [events.FETCH, events.HEARTBEAT, events.CONNECT] as const) this.#consumer.on(event, sign);
    const { consumerWatch } = this.bus;
    this.#consumer.on(events.REQUEST, ({ payload }) =>
      consumerWatch?.waited(payload.pendingDuration + payload.duration),
    );
    this.#consumer.on(events.REQUEST_TIMEOUT, ({ payload }) => consumerWatch?.waited(Date.now() - payload.createdAt));
    this.#consumer.on(events.GROUP_JOIN, (event) => {
      sign();
      this.#joined(event);
    });
    return new Promise((resolve, reject) => {
      this.#consumer.on(events.CRASH, ({ payload }) => reject(payload.error));
      const timer = setInterval(() => {
        this.#commitForDisplay();
        const silentMs = performance.now() - this.#lastSignMs;
        if (silentMs < STALL_TIMEOUT_MS) return;
        consumerWatch?.waited(silentMs);
        reject(new BpfleetError('BUS_TIMEOUT', `nothing was heard from Kafka for ${Math.round(silentMs)} ms`));
      }, COMMIT_EVERY_MS);
      const stop = () => resolve();
      signal.addEventListener('abort', stop);
      if (signal.aborted) stop();
      this.#endWatch = () => {
        clearInterval(timer);
        signal.removeEventListener('abort', stop);
      };
    });
  }

  /** Called by kafkajs between the answer of the group and the next fetch: what is paused here is not fetched. */
  #joined({ payload }: ConsumerGroupJoinEvent): void {
    if (this.#isOver) return;
    this.#hasJoined = true;
    const assigned = payload.memberAssignment[this.options.topic] ?? [];
    this.#consumer.pause([{ topic: this.options.topic, partitions: assigned }]);
    for (const [partition, { slot, mailbox }] of this.#held) {
      mailbox.close();
      if (assigned.includes(partition)) continue;
      this.#uncommitted.delete(partition);
      void slot.handOver(undefined);
    }
    for (const partition of assigned) this.#take(partition);
  }

  /** Also for a partition it had before: the group has another generation, so the handler's fence must move too. */
  #take(partition: number): void {
    const slot = this.#held.get(partition)?.slot ?? new PartitionSlot(this.options.onError);
    const mailbox = this.#mailbox(partition);
    const { handler, onError } = this.options;
    const log = this.#log(partition);
    const reader = new PartitionReader(handler, log, mailbox, onError, this.bus.retryDelay ?? defaultRetryDelay);
    this.#held.set(partition, { slot, mailbox, reader });
    void slot.handOver(reader);
  }

  #mailbox(partition: number): BatchMailbox {
    const { topic } = this.options;
    const these = [{ topic, partitions: [partition] }];
    const control = {
      seek: (next: bigint) => this.#tell(() => this.#consumer.seek({ topic, partition, offset: String(next) })),
      pause: () => this.#tell(() => this.#consumer.pause(these)),
      resume: () => this.#tell(() => this.#consumer.resume(these)),
    };
    return new BatchMailbox(control, this.bus.maxReadBytes ?? 8 * 2 ** 20, (next) => {
      this.#uncommitted.set(partition, next);
    });
  }

  /** kafkajs takes no orders once it has begun to crash. Its event follows, and ends the session. */
  #tell(order: () => void): void {
    try {
      order();
    } catch (err) {
      this.bus.logger?.debug({ err }, 'kafka client takes no orders');
    }
  }

  #log(partition: number): LogPartition {
    const { topic } = this.options;
    return { logId: this.#logId, topic, partition, bounds: () => this.#admin.bounds(topic, partition) };
  }

  async #eachBatch({ batch, heartbeat, isRunning, isStale, resolveOffset }: EachBatchPayload): Promise<void> {
    const held = this.#held.get(batch.partition);
    if (held === undefined || !isRunning() || isStale()) return;
    // A fetch is answered to whoever asks. Only a heartbeat says that the partition is still ours.
    await heartbeat();
    if (isStale()) return;
    const { fetchedOffset } = batch as unknown as { fetchedOffset: string };
    const last = batch.messages.at(-1);
    const hasMore = last !== undefined && BigInt(last.offset) + 1n < BigInt(batch.highWatermark);
    const isAccepted = await withHeartbeats(
      held.mailbox.offer(BigInt(fetchedOffset), receivedRecords(batch.messages), hasMore),
      {
        heartbeat,
        intervalMs: this.#heartbeatMs,
        graceMs: REBALANCE_TIMEOUT_MS / 2,
        hurry: () => void held.reader.stop(),
      },
    );
    if (isAccepted && last !== undefined) resolveOffset(last.offset);
  }

  #commitForDisplay(): void {
    if (this.#uncommitted.size === 0) return;
    const { topic } = this.options;
    const offsets = [...this.#uncommitted].map(([partition, next]) => ({ topic, partition, offset: String(next) }));
    this.#uncommitted.clear();
    this.#consumer.commitOffsets(offsets).catch((err: unknown) => {
      this.bus.logger?.debug({ topic, err }, 'telling kafka the offsets failed');
    });
  }

  async #stop(): Promise<void> {
    this.#isOver = true;
    this.#endWatch();
    for (const { mailbox } of this.#held.values()) mailbox.close();
    await Promise.all([...this.#held.values()].map(({ slot }) => slot.handOver(undefined)));
    this.#commitForDisplay();
    await this.#client.within(STOP_TIMEOUT_MS, 'let go', () => this.#consumer.disconnect()).catch(() => undefined);
    this.#client.tearDown();
    await this.#admin.stop();
  }
}
