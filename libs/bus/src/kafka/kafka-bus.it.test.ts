import { randomUUID } from 'node:crypto';
import { kafka, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LogPartition } from '../bus.js';
import { describeBus } from '../contract-tests/bus-contract.js';
import { FakeIngest, FakeStore } from '../contract-tests/ingest-fake.js';
import { shortSessionMs } from '../contract-tests/short-session.js';
import { KafkaBus } from './kafka-bus.js';
import { KafkaClient } from './kafka-client.js';
import { kafkajs } from './kafkajs.js';

const { CompressionTypes, ConfigResourceTypes } = kafkajs;

suiteRequires('with Apache Kafka', { kafka: await kafka() }, ({ kafka }) => {
  const sessionTimeoutMs = shortSessionMs(kafka);
  describeBus('KafkaBus', async () => {
    const options = { brokers: kafka.brokers, clientId: 'bus-test', ownId: async () => 'test' };
    const bus = new KafkaBus({ ...options, sessionTimeoutMs, retryDelay: { firstMs: 5, maxMs: 200 } });
    const topic = `contract-${randomUUID()}`;
    const client = new KafkaClient(options);
    const admin = client.kafka.admin();
    await admin.connect();
    return {
      bus,
      topic,
      trim: async (partition, offset) => {
        // kafkajs knows a topic only after it has been asked for it in another way.
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
      },
      replaceLog: async (partitions) => {
        await admin.deleteTopics({ topics: [topic] });
        await bus.ensureTopic(topic, partitions);
        return bus;
      },
      close: async () => {
        await admin.deleteTopics({ topics: [topic] }).catch(() => undefined);
        await admin.disconnect();
      },
    };
  });

  describe('KafkaBus', () => {
    const options = { brokers: kafka.brokers, clientId: 'bus-test', ownId: async () => 'own id', sessionTimeoutMs };
    const bus = new KafkaBus(options);
    const admin = new KafkaClient(options).kafka.admin();
    let topic: string;
    beforeAll(() => admin.connect());
    afterAll(() => admin.disconnect());
    beforeEach(async () => {
      topic = `kafka-${randomUUID()}`;
      await bus.ensureTopic(topic, 2);
    });
    afterEach(() => admin.deleteTopics({ topics: [topic] }));

    it('makes the topic as the contract wants it, and leaves one that is there', async () => {
      await bus.ensureTopic(topic, 7);
      expect((await admin.fetchTopicMetadata({ topics: [topic] })).topics[0]?.partitions).toHaveLength(2);
      const names = ['compression.type', 'max.message.bytes', 'cleanup.policy', 'message.timestamp.type'];
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: ConfigResourceTypes.TOPIC, name: topic, configNames: names }],
      });
      expect(
        Object.fromEntries(resources[0]!.configEntries.map((entry) => [entry.configName, entry.configValue])),
      ).toEqual({
        'compression.type': 'snappy',
        'max.message.bytes': '1048576',
        'cleanup.policy': 'delete',
        'message.timestamp.type': 'LogAppendTime',
      });
    });

    it('has each partition of a new topic ready to be written before it says that the topic is there', async () => {
      const wide = `wide-${randomUUID()}`;
      const partitions = 32;
      const producer = new KafkaClient(options).kafka.producer({ retry: { retries: 0 } });
      await producer.connect();
      await bus.ensureTopic(wide, partitions);
      // A broker that leads some of them, not yet all, would keep some records and refuse the others.
      const messages = Array.from({ length: partitions }, (_, partition) => ({ partition, value: 'v' }));
      const acknowledged = await producer.send({ topic: wide, messages });
      expect(acknowledged).toHaveLength(partitions);
      await producer.disconnect();
      await admin.deleteTopics({ topics: [wide] });
    });

    it('names its log by cluster, topic and its own id', async () => {
      const log = await firstAssignment(bus, topic);
      expect(log.logId).toMatch(new RegExp(`^[\\w-]{22}/${topic}/own id$`));
      // Its consumer is stopped, and must not connect again.
      await expect(log.bounds()).rejects.toMatchObject({ code: 'BUS_CLOSED' });
    });

    it('names the brokers', async () => {
      expect(await bus.endpoints()).toEqual(expect.arrayContaining([...kafka.brokers]));
    });

    it('reads what other producers compressed otherwise: the broker makes it Java’s snappy', async () => {
      const value = Buffer.alloc(200_000, 'abcdefgh');
      const producer = new KafkaClient(options).kafka.producer();
      await producer.connect();
      await producer.send({ topic, compression: CompressionTypes.GZIP, messages: [{ key: 'k', value }] });
      await producer.disconnect();
      const store = new FakeStore();
      const handler = new FakeIngest('a', store);
      const consumer = bus.consumer({ topic, group: topic, handler, onError: () => undefined });
      await consumer.start();
      await store.until(() => store.rows.length === 1);
      await consumer.stop();
      expect(Buffer.compare(store.rows[0]!.value, value)).toBe(0);
    });

    it('hands over in one piece what is compressed in a way it does not know, and reads on behind it', async () => {
      const producer = bus.producer();
      const send = (...values: string[]) =>
        producer.send(
          topic,
          values.map((value) => ({ key: 'k', value: Buffer.from(value), headers: {} })),
          10_000,
        );
      const ofTopic = { type: ConfigResourceTypes.TOPIC, name: topic };
      const now = async () => {
        const described = { resources: [{ ...ofTopic, configNames: ['compression.type'] }], includeSynonyms: false };
        return (await admin.describeConfigs(described)).resources[0]?.configEntries[0]?.configValue;
      };
      // The broker answers before it does so.
      const compression = async (value: string) => {
        const resources = [{ ...ofTopic, configEntries: [{ name: 'compression.type', value }] }];
        await admin.alterConfigs({ validateOnly: false, resources });
        await vi.waitUntil(async () => (await now()) === value, { timeout: 30_000 });
      };
      await send('1', '2');
      await compression('zstd');
      await send('3', '4', '5');
      await compression('snappy');
      await send('6');
      const store = new FakeStore();
      const handler = new FakeIngest('a', store);
      // As if they had been there: this is not the place to decide about them.
      const read = handler.read.bind(handler);
      handler.read = (log, records, signal) => {
        const restored = records.flatMap(({ unreadable, ...record }) =>
          unreadable === undefined
            ? [record]
            : Array.from({ length: Number(record.offset - unreadable.first) + 1 }, (_, index) => ({
                ...{ ...record, offset: unreadable.first + BigInt(index), value: Buffer.from(unreadable.reason) },
              })),
        );
        return read(log, restored, signal);
      };
      const errors: unknown[] = [];
      const onError = (error: unknown) => errors.push(error);
      const consumer = bus.consumer({ topic, group: topic, handler, onError });
      await consumer.start();
      await store.until(() => store.rows.length === 6);
      await Promise.all([consumer.stop(), producer.stop()]);
      const reason = 'ZSTD compression not implemented';
      expect(store.values).toEqual(['1', '2', reason, reason, reason, '6']);
      expect(errors).toEqual([]);
    });

    it('tells Kafka how far it is, for the display of lag', async () => {
      const store = new FakeStore();
      const handler = new FakeIngest('a', store);
      const consumer = bus.consumer({ topic, group: topic, handler, onError: () => undefined });
      await consumer.start();
      const producer = bus.producer();
      const records = ['1', '2', '3'].map((value) => ({ key: 'k', value: Buffer.from(value), headers: {} }));
      await producer.send(topic, records, 10_000);
      await store.until(() => store.rows.length === 3);
      await vi.waitFor(async () => {
        const [{ partitions } = { partitions: [] }] = await admin.fetchOffsets({ groupId: topic, topics: [topic] });
        expect(new Set(partitions.map(({ offset }) => offset))).toEqual(new Set(['0', '3']));
      }, 10_000);
      await Promise.all([consumer.stop(), producer.stop()]);
    });

    it('reports a topic that is not there, and reads it once it is', async () => {
      const later = `later-${randomUUID()}`;
      let report: (error: unknown) => void = () => undefined;
      const reported = new Promise((resolve) => {
        report = resolve;
      });
      const store = new FakeStore();
      const handler = new FakeIngest('a', store);
      const consumer = bus.consumer({ topic: later, group: later, handler, onError: report });
      await consumer.start();
      expect(await reported).toBeInstanceOf(Error);
      await bus.ensureTopic(later, 1);
      await store.until(() => handler.held.size === 1);
      await consumer.stop();
      await admin.deleteTopics({ topics: [later] });
    });

    it('refuses to consume without an own id', async () => {
      const reported = new Promise((resolve) => {
        const { ownId: _, ...rest } = options;
        const handler = new FakeIngest('a', new FakeStore());
        const consumer = new KafkaBus(rest).consumer({ topic, group: topic, handler, onError: resolve });
        void consumer
          .start()
          .then(() => reported)
          .then(() => consumer.stop());
      });
      expect(await reported).toMatchObject({ code: 'CONFIG_INVALID' });
    });
  });
});

/** What the handler of a new consumer is told first. */
async function firstAssignment(bus: KafkaBus, topic: string): Promise<LogPartition> {
  let assigned: (log: LogPartition) => void = () => undefined;
  const log = new Promise<LogPartition>((resolve) => {
    assigned = resolve;
  });
  const handler = new FakeIngest('a', new FakeStore());
  handler.assigned = async (partition) => {
    assigned(partition);
    return 0n;
  };
  const consumer = bus.consumer({ topic, group: topic, handler, onError: () => undefined });
  await consumer.start();
  try {
    return await log;
  } finally {
    await consumer.stop();
  }
}
