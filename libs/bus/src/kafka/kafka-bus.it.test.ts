import { randomUUID } from 'node:crypto';
import { kafka, suiteRequires } from '@bpfleet/test-environment/requirements';
import { describeBus } from '../contract-tests/bus-contract.js';
import { KafkaBus } from './kafka-bus.js';
import { KafkaClient } from './kafka-client.js';

suiteRequires('with Apache Kafka', { kafka: await kafka() }, ({ kafka }) => {
  describeBus('KafkaBus', async () => {
    const options = { brokers: kafka.brokers, clientId: 'bus-test', ownId: async () => 'test' };
    const bus = new KafkaBus({ ...options, retryDelay: { firstMs: 5, maxMs: 200 } });
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
});
