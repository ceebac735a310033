import { BpfleetError } from '@bpfleet/errors';
import type { Admin } from 'kafkajs';
import type { LogBounds } from '../bus.js';
import { maxMessageBytes } from '../record-limits.js';
import { defaultRequestTimeoutMs, KafkaClient } from './kafka-client.js';
import type { KafkaBusOptions } from './kafka-options.js';
import { untilReady } from './until-ready.js';

/** The contract's topic, docs/50: the broker compresses what comes otherwise, so that consumers know one codec. */
const topicConfig = {
  'compression.type': 'snappy',
  'max.message.bytes': String(maxMessageBytes),
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'LogAppendTime',
} as const;

interface OpenAdmin {
  readonly client: KafkaClient;
  readonly admin: Admin;
  readonly connected: Promise<void>;
}

/** Questions to the cluster. Connects with the first one; after a failure the next one connects anew. */
export class KafkaAdmin {
  #open: OpenAdmin | undefined;
  #isStopped = false;

  constructor(private readonly options: KafkaBusOptions) {}

  async ensureTopic(topic: string, partitions: number): Promise<void> {
    const configEntries = Object.entries(topicConfig).map(([name, value]) => ({ name, value }));
    const replicationFactor = this.options.replicationFactor ?? -1;
    const topics = [{ topic, numPartitions: partitions, replicationFactor, configEntries }];
    // False when it is there already.
    await this.#untilReady('make a topic', (admin) => admin.createTopics({ topics, waitForLeaders: false }));
    await this.#untilReady(`serve ${topic}`, async (admin) => {
      await admin.fetchTopicMetadata({ topics: [topic] });
      // Of each partition, from the broker that is said to lead it: who does not answer refuses records too, and those for
      // other partitions in the same request are then sent, and kept, twice.
      await admin.fetchTopicOffsets(topic);
    });
  }

  async clusterId(): Promise<string> {
    return (await this.#ask('describe itself', (admin) => admin.describeCluster())).clusterId;
  }

  /** `host:port` of each broker, as they tell clients to connect. */
  async endpoints(): Promise<string[]> {
    const { brokers } = await this.#ask('describe itself', (admin) => admin.describeCluster());
    return brokers.map(({ host, port }) => `${host}:${port}`);
  }

  async bounds(topic: string, partition: number): Promise<LogBounds> {
    const all = await this.#ask('tell offsets', (admin) => admin.fetchTopicOffsets(topic));
    const found = all.find((entry) => entry.partition === partition);
    if (found === undefined) throw new Error(`Kafka has no partition ${topic}[${partition}]`);
    return { first: BigInt(found.low), end: BigInt(found.high) };
  }

  /** For good: a question that is asked later is refused. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    await open.client.within(1_000, 'let go', () => open.admin.disconnect()).catch(() => undefined);
    open.client.tearDown();
  }

  /** Each time with a new connection, which has nothing of what the cluster said before. */
  #untilReady<T>(what: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    const limitMs = this.options.requestTimeoutMs ?? defaultRequestTimeoutMs;
    return untilReady(what, limitMs, () => this.#ask(what, question));
  }

  async #ask<T>(what: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    const open = await this.#connect();
    try {
      return await open.client.within(open.client.requestTimeoutMs, what, () => question(open.admin));
    } catch (error) {
      open.client.tearDown();
      throw error;
    }
  }

  /** One connection, also for questions that are asked at once. */
  async #connect(): Promise<OpenAdmin> {
    if (this.#isStopped) throw new BpfleetError('BUS_CLOSED', 'the connection to Kafka was closed');
    if (this.#open === undefined || this.#open.client.isDown) {
      const client = new KafkaClient(this.options);
      const admin = client.kafka.admin();
      const connected = client.within(client.requestTimeoutMs, 'accept a connection', () => admin.connect());
      this.#open = { client, admin, connected };
    }
    const open = this.#open;
    try {
      await open.connected;
    } catch (error) {
      open.client.tearDown();
      throw error;
    }
    return open;
  }
}
