import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensurePartitions } from './partitions.js';
import { createPool } from './pool.js';
import { analyticsDatabase } from './testing/analytics-database.js';

let pool: pg.Pool;

/** Of sections and flows, by hour. */
async function partitions(): Promise<string[]> {
  return (await allPartitions()).filter((name) => /^(section|flow)_\d{10}$/.test(name));
}

async function allPartitions(): Promise<string[]> {
  const { rows } = await pool.query<{ relname: string }>(
    "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' ORDER BY relname",
  );
  return rows.map(({ relname }) => relname);
}

async function nowIsIn(): Promise<string> {
  const { rows } = await pool.query<{ hour: string }>(
    "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24') AS hour",
  );
  return rows[0]!.hour;
}

suiteRequires('Partitions by ingest hour', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    for (const name of await allPartitions()) await pool.query(`DROP TABLE analytics.${name}`);
  });

  describe('ensurePartitions', () => {
    it('makes those of the running hour and the next two', async () => {
      await ensurePartitions(pool);
      const made = await partitions();
      expect(made).toHaveLength(6);
      expect(made).toContain(`section_${await nowIsIn()}`);
      expect(made).toContain(`flow_${await nowIsIn()}`);
    });

    it('may run several times at once', async () => {
      await Promise.all(Array.from({ length: 6 }, () => ensurePartitions(pool)));
      await ensurePartitions(pool);
      expect(await partitions()).toHaveLength(6);
    });

    it('fills a hole between hours that are there', async () => {
      await ensurePartitions(pool);
      const made = await partitions();
      await pool.query(`DROP TABLE analytics.${made[1]}, analytics.${made[4]}`);
      await ensurePartitions(pool);
      expect(await partitions()).toEqual(made);
    });

    it('gives each partition the indexes and the storage of its table', async () => {
      await ensurePartitions(pool);
      const name = `analytics.section_${await nowIsIn()}`;
      const indexesOf = async (table: string) =>
        (await pool.query('SELECT FROM pg_index WHERE indrelid = $1::regclass', [table])).rowCount;
      expect(await indexesOf(name)).toBeGreaterThan(0);
      expect(await indexesOf(name)).toBe(await indexesOf('analytics.section'));
      const { rows } = await pool.query(
        "SELECT attstorage FROM pg_attribute WHERE attrelid = $1::regclass AND attname = 'body'",
        [name],
      );
      // 'e' is EXTERNAL: out of line, never compressed.
      expect(rows).toEqual([{ attstorage: 'e' }]);
    });

    it('waits for no reader of the table', async () => {
      await ensurePartitions(pool, 0);
      const reader = await pool.connect();
      try {
        await reader.query('BEGIN; SELECT count(*) FROM analytics.section; SELECT count(*) FROM analytics.flow');
        await ensurePartitions(pool, 1);
        expect(await partitions()).toHaveLength(4);
      } finally {
        await reader.query('ROLLBACK');
        reader.release();
      }
    });
  });
});
