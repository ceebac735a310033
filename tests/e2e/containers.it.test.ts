import { KafkaBus, type ReceivedRecord } from '@bpfleet/bus';
import { analyticsMigrations, createPool, migrate } from '@bpfleet/store';
import { kafkaImage, startContainerKafka } from '@bpfleet/test-environment';
import { image, suiteRequires } from '@bpfleet/test-environment/requirements';
import { PostgreSqlContainer, type StartedPostgreSqlContainer } from '@testcontainers/postgresql';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** The release bpfleet embeds, as people run it beside the services. */
const postgresImage = 'postgres:18';
const needs = { kafka: await image(kafkaImage), postgres: await image(postgresImage) };

suiteRequires('in containers, by Testcontainers', needs, () => {
  let kafka: Awaited<ReturnType<typeof startContainerKafka>>;
  let postgres: StartedPostgreSqlContainer;

  beforeAll(async () => {
    [kafka, postgres] = await Promise.all([startContainerKafka(), new PostgreSqlContainer(postgresImage).start()]);
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

  it('Postgres takes our migrations and answers', async () => {
    const connection = postgres.getConnectionUri();
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
