import { createDatabase, postgresThrough, TcpProxy, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { lendConnection } from './lend-connection.js';
import { createPool } from './pool.js';

const CONNECTIONS = 3;

suiteRequires('a lent connection', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let pool: pg.Pool;
  let admin: pg.Pool;

  beforeAll(async () => {
    database = await createDatabase(server.connection);
    admin = createPool({ connection: database.connection, name: 'admin', onError: () => {} });
  });
  afterAll(async () => {
    await admin.end();
    await database.drop();
  });
  beforeEach(() => {
    pool = createPool({
      connection: database.connection,
      name: 'test',
      maxConnections: CONNECTIONS,
      onError: () => {},
    });
  });
  afterEach(() => pool.end());

  /** Queries that Postgres is busy with, by what the statement says. */
  const running = async (said: string): Promise<number> => {
    const { rows } = await admin.query(
      `SELECT count(*)::int AS n FROM pg_stat_activity
       WHERE state = 'active' AND query LIKE $1 AND pid <> pg_backend_pid() AND datname = current_database()`,
      [`%${said}%`],
    );
    return rows[0]!.n;
  };
  const sleep = (client: pg.PoolClient) => client.query('SELECT pg_sleep(25)');

  it('ends its query in Postgres when it is aborted, although all connections of the pool are taken', async () => {
    const caller = new AbortController();
    const outcomes = Array.from({ length: CONNECTIONS }, () =>
      lendConnection(pool, caller.signal, sleep).catch((error: unknown) => error),
    );
    await expect.poll(() => running('pg_sleep')).toBe(CONNECTIONS);
    caller.abort(new Error('gone'));
    for (const outcome of outcomes) expect(await outcome).toMatchObject({ message: 'gone' });
    expect(await running('pg_sleep')).toBe(0);
    expect((await pool.query('SELECT 7 AS seven')).rows).toEqual([{ seven: 7 }]);
  });

  it('does nothing for a caller who went away while it waited for a connection', async () => {
    const held = await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.connect()));
    const caller = new AbortController();
    let begun = 0;
    const outcome = lendConnection(pool, caller.signal, async () => begun++).catch((error: unknown) => error);
    caller.abort(new Error('gone'));
    for (const client of held) client.release();
    expect(await outcome).toMatchObject({ message: 'gone' });
    expect(begun).toBe(0);
    expect(pool.idleCount).toBe(CONNECTIONS);
  });

  it('leaves a connection that was not aborted to the next one', async () => {
    const { signal } = new AbortController();
    const idOf = (client: pg.PoolClient) =>
      client.query('SELECT pg_backend_pid() AS id').then(({ rows }) => rows[0]!.id);
    expect(await lendConnection(pool, signal, idOf)).toBe(await lendConnection(pool, signal, idOf));
  });

  it('gives up when Postgres does not hear of the cancel', async () => {
    const proxy = await TcpProxy.start();
    const silent = createPool({
      connection: postgresThrough(proxy, database.connection),
      ...{ name: 'silent', statementTimeoutMs: 100, onError: () => {} },
    });
    try {
      const caller = new AbortController();
      const outcome = lendConnection(silent, caller.signal, (client) => {
        proxy.freeze();
        const slept = sleep(client);
        caller.abort(new Error('gone'));
        return slept;
      });
      expect(await outcome.catch((error: unknown) => error)).toMatchObject({ message: 'gone' });
    } finally {
      proxy.thaw();
      await silent.end();
      await proxy.stop();
    }
  });
});
