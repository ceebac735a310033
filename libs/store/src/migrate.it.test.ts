import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { analyticsMigrations, type MigrateOptions, migrate } from './migrate.js';
import { createPool } from './pool.js';

let database: TestDatabase;
let pool: pg.Pool;
let directory: string;

const write = (name: string, sql: string) => writeFile(join(directory, `${name}.sql`), `-- Up Migration\n${sql}\n`);
const run = (connection: MigrateOptions['connection'] = database.connection) =>
  migrate({ connection, schema: 'control', directory });
const tables = async () =>
  (await pool.query("SELECT tablename FROM pg_tables WHERE schemaname = 'control' ORDER BY 1")).rows.map(
    ({ tablename }) => tablename,
  );

suiteRequires('Migrations', { postgres: await postgres() }, ({ postgres: server }) => {
  beforeAll(async () => {
    database = await createDatabase(server.connection);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bpfleet-migrations-'));
  });
  afterEach(async () => {
    await pool.query('DROP SCHEMA IF EXISTS control CASCADE; DROP SCHEMA IF EXISTS analytics CASCADE');
    await rm(directory, { recursive: true });
  });

  /** A store as it was before this migration of analytics. */
  async function migratedBefore(first: string): Promise<TestDatabase> {
    const names = (await readdir(analyticsMigrations)).filter((name) => name < first);
    for (const name of names) await copyFile(join(analyticsMigrations, name), join(directory, name));
    await migrate({ connection: database.connection, schema: 'analytics', directory });
    return database;
  }

  describe('migrate', () => {
    it('runs each migration once, in order', async () => {
      await write('0001_first', 'CREATE TABLE control.a (x int)');
      expect(await run()).toEqual(['0001_first']);
      await write('0002_second', 'ALTER TABLE control.a RENAME TO b');
      expect(await run()).toEqual(['0002_second']);
      expect(await run()).toEqual([]);
      expect(await tables()).toEqual(['b', 'migration']);
    });

    it('takes a connection of a pool as well', async () => {
      await write('0001_first', 'CREATE TABLE control.a (x int)');
      expect(await run(pool)).toEqual(['0001_first']);
    });

    it('lets one of several processes run them while the others wait', async () => {
      await write('0001_first', 'CREATE TABLE control.a (x int); SELECT pg_sleep(0.2)');
      const ran = await Promise.all([run(), run(), run(pool), run()]);
      expect(ran.flat()).toEqual(['0001_first']);
    });

    it('leaves nothing of a migration that fails, nor of those before it in the same run', async () => {
      await write('0001_first', 'CREATE TABLE control.a (x int)');
      await write('0002_broken', 'CREATE TABLE control.b (x int); SELECT 1/0');
      await expect(run()).rejects.toThrow('division by zero');
      expect(await tables()).not.toContain('a');
      await write('0002_broken', 'CREATE TABLE control.b (x int)');
      expect(await run()).toEqual(['0001_first', '0002_broken']);
    });

    it('refuses a database of a newer build, and changes nothing', async () => {
      await write('0001_first', 'CREATE TABLE control.a (x int)');
      await write('0003_from_the_future', 'CREATE TABLE control.c (x int)');
      await run();
      await rm(join(directory, '0003_from_the_future.sql'));
      await write('0002_second', 'CREATE TABLE control.b (x int)');
      await expect(run()).rejects.toMatchObject({
        code: 'DATA_NEWER',
        message: expect.stringContaining('0003_from_the_future'),
      });
      expect(await tables()).toEqual(['a', 'c', 'migration']);
    });

    it('keeps the schemas apart', async () => {
      await write('0001_first', 'CREATE TABLE control.a (x int)');
      await run();
      const { connection } = database;
      await migrate({ connection, schema: 'analytics', directory: analyticsMigrations });
      expect(await run()).toEqual([]);
      expect(await migrate({ connection, schema: 'analytics', directory: analyticsMigrations })).toEqual([]);
    });

    it('makes one gap of what was told missing of an epoch by the minute, and keeps the other losses', async () => {
      const { connection } = await migratedBefore('0012');
      await pool.query(`INSERT INTO analytics.agent_loss VALUES
        ('a', 1, 'missing', 0, 5, 9, 3, 30), ('a', 1, 'missing', 60000000000, 8, 70, -1, -10),
        ('b', 1, 'missing', 0, 5, 9, 1, 10), ('b', 1, 'missing', 60000000000, 8, 70, -1, -10),
        ('a', 1, 'kernel', 0, 5, 9, 0, 7)`);
      await migrate({ connection, schema: 'analytics', directory: analyticsMigrations });
      const { rows } = await pool.query({ text: 'SELECT * FROM analytics.agent_loss ORDER BY kind', rowMode: 'array' });
      expect(rows).toEqual([
        ['a', '1', 'kernel', '0', '5', '9', '0', '7'],
        ['a', '1', 'missing', '-1', '5', '70', '2', '20'],
      ]);
    });

    it('keeps of what clocks that were far off made one span of its ends, and what is short', async () => {
      const { connection } = await migratedBefore('0018');
      const hourNs = 3_600_000_000_000n;
      const insert = `INSERT INTO analytics.not_retained
        (class, ingested_from, ingested_to, ts_min, ts_max, suspect_ts_min, suspect_ts_max, rows, bytes, reason)
        VALUES ('section', $1, $1, $2, $3, $4, $5, 9, 1, 'age')`;
      await pool.query(insert, [new Date(0), 100n * hourNs, 101n * hourNs, 0n, 9000n * hourNs]);
      await pool.query(insert, [new Date(1), 100n * hourNs, 101n * hourNs, 90n * hourNs, 101n * hourNs + 5n]);
      await pool.query(insert, [new Date(2), 100n * hourNs, 101n * hourNs, null, null]);
      await migrate({ connection, schema: 'analytics', directory: analyticsMigrations });
      const { rows } = await pool.query({
        text: `SELECT (ts_min / ${hourNs})::int, ts_max::numeric / ${hourNs} > ts_max / ${hourNs}, (ts_max / ${hourNs})::int, rows::int
          FROM analytics.not_retained ORDER BY ingested_from, ts_min`,
        rowMode: 'array',
      });
      expect(rows).toEqual([
        [0, false, 0, 0],
        [100, false, 101, 9],
        [9000, false, 9000, 0],
        [90, true, 101, 9],
        [100, false, 101, 9],
      ]);
    });
  });
});
