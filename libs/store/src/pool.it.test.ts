import { postgresThrough, TcpProxy } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { copyIn } from './copy/copy-in.js';
import { copyOut } from './copy/copy-out.js';
import { createPool, liftTimeLimits } from './pool.js';
import { storeError } from './store-error.js';

/** Of a query, beside what its answer may take. */
const STATEMENT_TIMEOUT_MS = 100;
const LONGER_S = 3;

suiteRequires('a pool', { postgres: await postgres() }, ({ postgres: { connection } }) => {
  let proxy: TcpProxy;
  let pool: pg.Pool;

  beforeEach(async () => {
    proxy = await TcpProxy.start();
    pool = createPool({
      connection: postgresThrough(proxy, connection),
      ...{ name: 'test', statementTimeoutMs: STATEMENT_TIMEOUT_MS, onError: () => {} },
    });
    await pool.query('SELECT 1');
  });
  afterEach(async () => {
    await pool.end();
    await proxy.stop();
  });

  async function onConnection<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    try {
      return await work(client);
    } finally {
      client.release(true);
    }
  }

  it.each<[string, () => Promise<unknown>]>([
    ['a query', () => pool.query('SELECT 1')],
    ['rows to Postgres', () => onConnection((client) => copyIn(client, 'nowhere', Buffer.alloc(8)))],
    ['rows from Postgres', () => copyOut(pool, 'SELECT 1', (fields) => fields)],
  ])('gives %s up on a connection that fell silent, and makes another one', async (_, ask) => {
    proxy.freeze();
    expect(await ask().catch(storeError)).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    proxy.thaw();
    expect((await pool.query('SELECT 2 AS two')).rows).toEqual([{ two: 2 }]);
  });

  it('waits for as long as it takes where the limits are lifted', async () => {
    await onConnection(async (client) => {
      await liftTimeLimits(client);
      await client.query(`SELECT pg_sleep(${LONGER_S})`);
    });
  });
});
