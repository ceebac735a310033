import { crc32 } from 'node:zlib';
import { type BusRecord, KafkaBus, type ReceivedRecord } from '@bpfleet/bus';
import { ApiClient, encodeRecordHeaders, queryApi } from '@bpfleet/contract';
import { LinkType } from '@bpfleet/packet';
import { SectionWriter } from '@bpfleet/section';
import { analyticsMigrations, createPool, migrate } from '@bpfleet/store';
import {
  freePorts,
  kafkaImage,
  postgresImage,
  startContainerKafka,
  startContainerPostgres,
  type TestPostgres,
} from '@bpfleet/test-environment';
import { image, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServiceProcess } from './service-process.js';

const needs = { kafka: await image(kafkaImage), postgres: await image(postgresImage) };

suiteRequires('in containers, by Testcontainers', needs, () => {
  let kafka: Awaited<ReturnType<typeof startContainerKafka>>;
  let postgres: TestPostgres;

  beforeAll(async () => {
    [kafka, postgres] = await Promise.all([startContainerKafka(), startContainerPostgres()]);
  });
  afterAll(() => Promise.all([kafka?.stop(), postgres?.stop()]));

  it('Kafka carries records from a producer to a consumer, in order and byte for byte', async () => {
    const bus = new KafkaBus({ brokers: kafka.brokers, clientId: 'containers', ownId: async () => 'containers' });
    await bus.ensureTopic('packets.v1', 3);
    expect(await bus.endpoints()).toEqual(kafka.brokers);

    const received: ReceivedRecord[] = [];
    let arrived = (): void => undefined;
    const all = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const consumer = bus.consumer({
      topic: 'packets.v1',
      group: 'ingest',
      handler: {
        assigned: async (log) => (await log.bounds()).first,
        read: async (_log, records) => {
          received.push(...records);
          if (received.length === 100) arrived();
          return records.at(-1)!.offset + 1n;
        },
        revoked: async () => undefined,
      },
      onError: () => undefined,
    });
    const producer = bus.producer();
    await Promise.all([consumer.start(), producer.start()]);
    const sent = Array.from({ length: 100 }, (_, seq) => ({
      key: 'host-1',
      value: Uint8Array.from({ length: 1_000 }, (_, at) => (at * seq) % 256),
      headers: { agent: 'host-1', seq: String(seq) },
    }));
    await producer.send('packets.v1', sent, 30_000);
    await all;
    await Promise.all([consumer.stop(), producer.stop()]);
    expect(received.map(({ headers }) => headers)).toEqual(sent.map(({ headers }) => headers));
    expect(received.every(({ value }, index) => Buffer.compare(value, sent[index]!.value) === 0)).toBe(true);
  });

  it('what goes into Kafka is stored in Postgres once, and found again', async () => {
    const [port] = (await freePorts(1)) as [number];
    const env = {
      BPFLEET_POSTGRES_URL: postgres.connection as string,
      BPFLEET_KAFKA_BROKERS: kafka.brokers.join(','),
      BPFLEET_TOPIC_PREFIX: 'pipeline.',
      BPFLEET_REQUIRE_SIGNATURES: 'false',
      BPFLEET_PORT: String(port),
    };
    const entry = 'apps/analytics/dist/main.js';
    expect(await new ServiceProcess({ name: 'migrate', entry, args: ['migrate'], env }).exit()).toBe(0);
    const analytics = new ServiceProcess({ name: 'analytics', entry, env });
    try {
      await analytics.ready(`http://127.0.0.1:${port}/healthz/ready`);
      const bus = new KafkaBus({ brokers: kafka.brokers, clientId: 'pipeline' });
      await bus.ensureTopic('pipeline.packets.v1', 3);
      const producer = bus.producer();
      await producer.start();
      const records = Array.from({ length: 20 }, (_, seq) => sectionRecord(seq));
      // Each a second time, as after an acknowledgement that was lost.
      for (let time = 0; time < 2; time++) await producer.send('pipeline.packets.v1', records, 30_000);
      await producer.stop();
      const client = new ApiClient({ server: `http://127.0.0.1:${port}` });
      const positions = async () => (await client.call(queryApi.getStoreStatus, {})).positions;
      await analytics.until(
        'all records',
        async () => (await positions()).reduce((sum, { next }) => sum + next, 0) >= 40,
      );
      const { packets } = await client.call(queryApi.listPackets, { query: { since: '-1h', limit: 1000 } });
      const expected = Array.from({ length: 20 }, (_, seq) => [0, 1, 2].map((index) => `host-1.1.${seq}.${index}`));
      expect(packets.map(({ id }) => id).toSorted()).toEqual(expected.flat().toSorted());
    } finally {
      await analytics.end();
    }
  });

  it('Postgres takes our migrations and answers', async () => {
    const { connection } = postgres;
    await migrate({ connection, schema: 'analytics', directory: analyticsMigrations });
    const pool = createPool({ connection, name: 'containers', maxConnections: 1, onError: () => undefined });
    try {
      const { rows } = await pool.query<{ major: number; tables: number }>(
        `SELECT current_setting('server_version_num')::int / 10000 AS major,
          (SELECT count(*)::int FROM pg_tables WHERE schemaname = 'analytics') AS tables`,
      );
      expect(rows[0]?.major).toBe(18);
      expect(rows[0]?.tables).toBeGreaterThan(1);
    } finally {
      await pool.end();
    }
  });
});

/** A section of three packets of now, with its headers. */
function sectionRecord(seq: number): BusRecord {
  const writer = new SectionWriter({ application: 'test', capacityBytes: 64 * 1024 });
  writer.begin();
  const id = writer.addInterface({ name: 'eth0', linkType: LinkType.EN10MB, description: 'web@3' });
  const seconds = Math.floor(Date.now() / 1000) - 1;
  for (let index = 0; index < 3; index++) {
    writer.append(id, seconds, seq * 10 + index, new Uint8Array(60).fill(index), 0, 60, 60, undefined, 0);
  }
  const value = writer.finish({}).slice();
  const { packets, tsMinNs, tsMaxNs } = writer;
  const place = { agent: 'host-1', epoch: 1, seq };
  const header = { ...place, tsMinNs, tsMaxNs, packets, filters: ['web@3'], crc32: crc32(value) };
  return { key: 'host-1', value, headers: encodeRecordHeaders(header) };
}
