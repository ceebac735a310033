import pg from 'pg';

export interface PoolOptions {
  /** `postgres://…`, or what `EmbeddedPostgres` answers. */
  readonly connection: string | pg.ClientConfig;
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly maxConnections?: number;
  /** A query that takes longer is cancelled. */
  readonly statementTimeoutMs?: number;
  /** A connection nobody used broke: the pool makes a new one, so this is for the log. */
  readonly onError: (error: Error) => void;
}

/**
 * A transaction that does nothing ends after 5 s and a wait for a lock after 2 s: a process that was stopped in the
 * middle (SIGSTOP, a paused container) must not hold up the one that took over.
 */
const LIMITS_MS = { idleInTransaction: 5_000, lock: 2_000, statement: 30_000 } as const;

/** Connections to Postgres, with time limits, and alive when Postgres goes away and comes back. */
export function createPool(options: PoolOptions): pg.Pool {
  const { connection } = options;
  const pool = new pg.Pool({
    ...(typeof connection === 'string' ? { connectionString: connection } : connection),
    application_name: options.name,
    max: options.maxConnections ?? 10,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    statement_timeout: options.statementTimeoutMs ?? LIMITS_MS.statement,
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
