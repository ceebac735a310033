import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPool } from '../pool.js';
import { copyOut } from './copy-out.js';

let database: TestDatabase;
let pool: pg.Pool;

suiteRequires('COPY out of Postgres', { postgres: await postgres() }, ({ postgres: server }) => {
  beforeAll(async () => {
    database = await createDatabase(server.connection);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const running = async (): Promise<number> => {
    const { rows } = await pool.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%pg_sleep%'
       AND datname = current_database()`,
    );
    return rows[0]!.n;
  };

  describe('copyOut', () => {
    it('is cancelled in Postgres when its signal is aborted, and the pool goes on', async () => {
      const caller = new AbortController();
      const outcome = copyOut(pool, 'SELECT pg_sleep(20)', () => 1, caller.signal).catch((error: unknown) => error);
      await expect.poll(running).toBe(1);
      caller.abort(new Error('gone'));
      expect(await outcome).toMatchObject({ message: 'gone' });
      expect(await running()).toBe(0);
      expect(await copyOut(pool, 'SELECT 7', ([field]) => field!.readInt32BE())).toEqual([7]);
    });

    it('asks nothing when it is aborted before', async () => {
      await expect(copyOut(pool, 'nonsense', () => 1, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    });
  });
});
