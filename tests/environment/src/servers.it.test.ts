import { createPool } from '@bpfleet/store';
import { expect, it } from 'vitest';
import { createDatabase, type PostgresConnection, serversUsed } from './index.js';
import { kafkaIsReady } from './kafka-ready.js';
import { kafka, postgres, suiteRequires } from './requirements.js';

suiteRequires('the shared Kafka', { kafka: await kafka() }, ({ kafka }) => {
  it('serves consumer groups', async () => {
    const [host, port] = kafka.brokers[0]!.split(':') as [string, string];
    await kafkaIsReady(host, Number(port), 5_000);
  });
  it('is named by what this file prints', () => {
    expect(kafka.version).toMatch(/^(\d+\.\d+\.\d+ \((container|maven)\)|unknown \(given\))$/);
    expect(serversUsed()).toContain(`Kafka ${kafka.version}`);
  });
});

suiteRequires('the shared Postgres', { postgres: await postgres() }, ({ postgres }) => {
  it('gives each file a database of its own, made from a template that is prepared once', async () => {
    let prepared = 0;
    const template = {
      name: `test ${process.pid}`,
      prepare: async (connection: PostgresConnection) => {
        prepared += 1;
        await ask(connection, 'CREATE TABLE flag AS SELECT 7 AS value');
      },
    };
    const databases = await Promise.all([1, 2, 3].map(() => createDatabase(postgres.connection, template)));
    await ask(databases[0]!.connection, 'UPDATE flag SET value = 8');
    const values = await Promise.all(databases.map(({ connection }) => ask(connection, 'SELECT value FROM flag')));
    expect(values).toEqual([[{ value: 8 }], [{ value: 7 }], [{ value: 7 }]]);
    expect(prepared).toBe(1);
    await Promise.all(databases.map((database) => database.drop()));
    await expect(ask(databases[0]!.connection, 'SELECT 1')).rejects.toThrow('does not exist');
  });
  it('is named by what this file prints, with the version that it says itself', async () => {
    const said = await ask(postgres.connection, "SELECT current_setting('server_version') AS version");
    const { version } = said[0] as { version: string };
    expect(['embedded', 'container', 'given'].map((route) => `${version} (${route})`)).toContain(postgres.version);
    expect(serversUsed()).toContain(`Postgres ${postgres.version}`);
  });
});

async function ask(connection: PostgresConnection, sql: string): Promise<object[]> {
  const pool = createPool({ connection, name: 'test', maxConnections: 1, onError: () => undefined });
  try {
    return (await pool.query<object>(sql)).rows;
  } finally {
    await pool.end();
  }
}
