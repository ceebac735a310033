import pg from 'pg';

export interface PoolOptions {
  /** `postgres://…`, or what `EmbeddedPostgres` answers. */
  readonly connection: string | pg.ClientConfig;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly maxConnections?: number;
  /** A query that takes longer is cancelled; 0: none is. */
  readonly statementTimeoutMs?: number;
  /** A connection nobody used broke: the pool makes a new one, so this is for the log. */
  readonly onError: (error: Error) => void;
}

/**
 * A transaction that does nothing ends after 5 s and a wait for a lock after 2 s: a process that was stopped in the
 * middle (SIGSTOP, a paused container) must not hold up the one that took over.
 */
const LIMITS_MS = { idleInTransaction: 5_000, lock: 2_000, statement: 30_000 } as const;
/**
 * Postgres has cancelled by then. Where not even that was heard, the connection is half-open: a firewall forgot it, or the
 * machine behind it is gone. TCP alone would tell after a quarter of an hour, if at all.
 */
const ANSWER_GRACE_MS = 2_000;

/** Connections to Postgres, with time limits, and alive when Postgres goes away and comes back. */
export function createPool(options: PoolOptions): pg.Pool {
  const { connection, statementTimeoutMs = LIMITS_MS.statement } = options;
  const pool = new pg.Pool({
    ...(typeof connection === 'string' ? { connectionString: connection } : connection),
    application_name: options.name,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs === 0 ? 0 : statementTimeoutMs + ANSWER_GRACE_MS,
    lock_timeout: LIMITS_MS.lock,
    idle_in_transaction_session_timeout: LIMITS_MS.idleInTransaction,
  });
  // Without a listener a Postgres that stops would end this process. `end` does not wait until its connections closed.
  pool.on('error', (error) => {
    if (!pool.ending) options.onError(error);
  });
  // The same while a connection is lent: whoever holds it learns of it by the query that fails.
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** For work that takes as long as it takes. The connection must be closed after, not given back. */
export async function liftTimeLimits(client: pg.ClientBase): Promise<void> {
  const { connectionParameters } = client as pg.ClientBase & { connectionParameters: { query_timeout?: number } };
  connectionParameters.query_timeout = 0;
  await client.query('SET statement_timeout = 0');
}
