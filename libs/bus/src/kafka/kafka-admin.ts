import { BpfleetError } from '@bpfleet/errors';
import type { Admin } from 'kafkajs';
import type { LogBounds } from '../bus.js';
import { maxMessageBytes } from '../record-limits.js';
import { pause } from '../retry-delay.js';
import { KafkaClient } from './kafka-client.js';
import { brokerErrorOf } from './kafka-errors.js';
import type { KafkaBusOptions } from './kafka-options.js';

/** The contract's topic, docs/50: the broker compresses what comes otherwise, so that consumers know one codec. */
const topicConfig = {
  'compression.type': 'snappy',
  'max.message.bytes': String(maxMessageBytes),
  'cleanup.policy': 'delete',
  'message.timestamp.type': 'LogAppendTime',
} as const;

const NOT_YET: readonly string[] = ['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'];
const LOOK_AGAIN_AFTER_MS = 20;

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
    await this.#ask('make a topic', (admin) => admin.createTopics({ topics, waitForLeaders: false }));
    await this.#ask(`show ${topic}`, (admin) => this.#isShown(admin, topic));
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

  /** Resolves when each partition has a leader. What the controller has made, a broker may not know for a moment. */
  async #isShown(admin: Admin, topic: string): Promise<void> {
    const never = new AbortController().signal;
    while (this.#open?.client.isDown === false) {
      try {
        await admin.fetchTopicMetadata({ topics: [topic] });
        return;
      } catch (error) {
        // kafkajs drops a second broker's error and stumbles over the answer it then has not.
        if (!NOT_YET.includes(brokerErrorOf(error) ?? '') && !(error instanceof TypeError)) throw error;
      }
      await pause(LOOK_AGAIN_AFTER_MS, never);
    }
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
