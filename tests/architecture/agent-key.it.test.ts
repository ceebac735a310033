import { analyticsMigrations, createPool, migrate } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tablesByAgent, tablesInOnePlace, viewsByAgent } from './agent-key.js';

suiteRequires('The tables of analytics', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createDatabase(server.connection);
    await migrate({ connection: database.connection, schema: 'analytics', directory: analyticsMigrations });
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it('are each known to be spread by agent, or to stay in one place', async () => {
    const { rows } = await pool.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relnamespace = 'analytics'::regnamespace AND relkind IN ('r', 'p', 'v')",
    );
    const known: readonly string[] = [...tablesByAgent, ...viewsByAgent, ...tablesInOnePlace];
    expect(rows.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(tablesByAgent)('%s tells the agent of each row', async (table) => {
    const { rows } = await pool.query(
      "SELECT attnotnull FROM pg_attribute WHERE attrelid = $1::regclass AND attname = 'agent'",
      [`analytics.${table}`],
    );
    expect(rows).toEqual([{ attnotnull: true }]);
  });

  it('have the agent first in their unique keys, or no unique key: then what is stored twice is told by another table', async () => {
    const { rows } = await pool.query<{ name: string }>(
      `SELECT t.name FROM unnest($1::text[]) AS t (name) WHERE NOT EXISTS (
         SELECT FROM pg_index WHERE indrelid = ('analytics.' || t.name)::regclass AND indisunique)
       ORDER BY t.name`,
      [tablesByAgent],
    );
    expect(rows.map(({ name }) => name)).toEqual([
      ...['flow', 'flow_hour', 'flow_minute', 'flow_ten_minutes', 'section'],
    ]);
  });

  it.each(tablesByAgent)('%s has the agent in each of its unique keys, and first', async (table) => {
    const { rows } = await pool.query<{ name: string; first: string }>(
      `SELECT i.indexrelid::regclass::text AS name, a.attname AS first FROM pg_index i
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
       WHERE i.indrelid = $1::regclass AND (i.indisunique OR i.indisprimary)`,
      [`analytics.${table}`],
    );
    expect(rows.filter(({ first }) => first !== 'agent')).toEqual([]);
  });
});
