import { randomUUID } from 'node:crypto';
import { BpfleetError } from '@bpfleet/errors';
import type { Bus, BusRecord, Consumer, ConsumerOptions, Producer } from '../bus.js';
import { checkRecords } from '../record-limits.js';
import { defaultRetryDelay, type RetryDelay } from '../retry-delay.js';
import { Condition } from './condition.js';
import { MemoryGroup } from './memory-group.js';
import { sizeBytes } from './memory-log.js';
import { MemoryProducer } from './memory-producer.js';
import { MemorySource } from './memory-source.js';
import { MemoryTopic } from './memory-topic.js';

export interface InProcessBusOptions {
  /** Records that are sent and not yet committed; a `send` beyond it waits. */
  readonly maxPendingBytes?: number;
  /** At most this much is handed to one `read`, or one record. */
  readonly maxReadBytes?: number;
  readonly retryDelay?: RetryDelay;
}

/**
 * A bounded queue per partition for producers and consumers of one process. Nothing is durable here: `send` resolves
 * when the consumer has committed, so the durable side is whoever sends.
 */
export class InProcessBus implements Bus {
  readonly #runId = randomUUID();
  readonly #topics = new Map<string, MemoryTopic>();
  readonly #groups = new Map<string, MemoryGroup>();
  readonly #state = new Condition();
  /** Sends that wait for room, first come first served. */
  readonly #queue: symbol[] = [];
  readonly #maxPendingBytes: number;
  readonly #maxReadBytes: number;
  readonly #retryDelay: RetryDelay;
  #pendingBytes = 0;

  constructor(options: InProcessBusOptions = {}) {
    this.#maxPendingBytes = options.maxPendingBytes ?? 64 * 2 ** 20;
    this.#maxReadBytes = options.maxReadBytes ?? 8 * 2 ** 20;
    this.#retryDelay = options.retryDelay ?? defaultRetryDelay;
  }

  /** Bytes of records that were sent and not yet committed. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  ensureTopic(topic: string, partitions: number): Promise<void> {
    if (!this.#topics.has(topic)) {
      this.#topics.set(topic, new MemoryTopic(`in-process/${this.#runId}/${topic}`, topic, partitions));
      this.#state.changed();
    }
    return Promise.resolve();
  }

  producer(): Producer {
    return new MemoryProducer((topic, records, signal) => this.#send(topic, records, signal));
  }

  consumer(options: ConsumerOptions): Consumer {
    // A new object each time: a handler may be given to two consumers of a group.
    const member = { handler: options.handler, onError: options.onError };
    return {
      start: async () => this.#group(options).join(member),
      stop: async () => this.#group(options).leave(member),
    };
  }

  endpoints(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  /** Forgets records before `offset`, committed or not, as a broker's retention does. For tests. */
  trim(topic: string, partition: number, offset: bigint): void {
    this.#free(this.#topic(topic).logs[partition]?.dropBelow(offset) ?? 0);
    this.#state.changed();
  }

  async #send(topic: string, records: readonly BusRecord[], signal: AbortSignal): Promise<boolean> {
    checkRecords(topic, records);
    // As with Kafka, a sender may be there before the topic is.
    if (!(await this.#state.until(() => this.#topics.has(topic), signal))) return false;
    const log = this.#topic(topic);
    const last = await this.#append(log, records, signal);
    if (last === undefined) return false;
    const isCommitted = () => [...last].every(([partition, offset]) => log.isCommitted(partition, offset));
    return this.#state.until(isCommitted, signal);
  }

  /** Appends when it is this call's turn and there is room. Returns each partition's last offset of it, or undefined. */
  async #append(
    log: MemoryTopic,
    records: readonly BusRecord[],
    signal: AbortSignal,
  ): Promise<Map<number, bigint> | undefined> {
    const bytes = records.reduce((sum, record) => sum + sizeBytes(record), 0);
    const turn = Symbol();
    this.#queue.push(turn);
    // More than ever fits goes alone.
    const fits = () => this.#pendingBytes === 0 || this.#pendingBytes + bytes <= this.#maxPendingBytes;
    try {
      if (!(await this.#state.until(() => this.#queue[0] === turn && fits(), signal))) return undefined;
      this.#pendingBytes += bytes;
      return log.append(records, Date.now());
    } finally {
      this.#queue.splice(this.#queue.indexOf(turn), 1);
      this.#state.changed();
    }
  }

  #group({ topic, group }: ConsumerOptions): MemoryGroup {
    const key = JSON.stringify([topic, group]);
    let members = this.#groups.get(key);
    if (members === undefined) {
      const log = this.#topic(topic);
      log.addGroup(group);
      members = new MemoryGroup(log.partitions, (partition) => this.#source(log, group, partition), this.#retryDelay);
      this.#groups.set(key, members);
    }
    return members;
  }

  #source(topic: MemoryTopic, group: string, partition: number): MemorySource {
    return new MemorySource(topic.logs[partition]!, this.#state, this.#maxReadBytes, (next) => {
      this.#free(topic.committed(group, partition, next));
      this.#state.changed();
    });
  }

  #free(bytes: number): void {
    this.#pendingBytes -= bytes;
  }

  #topic(name: string): MemoryTopic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new BpfleetError('NOT_FOUND', `there is no topic ${name}; ensureTopic makes it`);
    return topic;
  }
}
