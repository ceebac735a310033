import { createHash, randomBytes } from 'node:crypto';
import { createPool } from '@bpfleet/store';
import type { PostgresConnection } from './postgres.js';

export interface TestDatabase {
  readonly connection: PostgresConnection;
  /** Removes it, and ends whoever is still connected. */
  drop(): Promise<void>;
}

/** What a database begins as. Made once per server and name, then copied: a copy takes milliseconds. */
export interface DatabaseTemplate {
  readonly name: string;
  /** Migrations and rows. Must close its connections: Postgres does not copy a database in use. */
  prepare(connection: PostgresConnection): Promise<void>;
}

/** An empty database of its own for a test file, or a copy of `template`. */
export async function createDatabase(server: PostgresConnection, template?: DatabaseTemplate): Promise<TestDatabase> {
  const source = template ? await templateOf(server, template) : 'template0';
  const name = `bpfleet_test_${randomBytes(6).toString('hex')}`;
  await run(server, `CREATE DATABASE ${name} TEMPLATE ${source}`);
  return {
    connection: inDatabase(server, name),
    drop: () => run(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

async function templateOf(server: PostgresConnection, { name, prepare }: DatabaseTemplate): Promise<string> {
  const database = `bpfleet_template_${createHash('sha256').update(name).digest('hex').slice(0, 12)}`;
  const pool = poolOf(server);
  const client = await pool.connect();
  try {
    // Test files run in processes of their own, and the second waits for the first's work, however long that takes.
    await client.query('SET lock_timeout = 0');
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [database]);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [database]);
    if (rowCount !== 0) return database;
    const unfinished = `${database}_${randomBytes(4).toString('hex')}`;
    await client.query(`CREATE DATABASE ${unfinished} TEMPLATE template0`);
    await prepare(inDatabase(server, unfinished));
    await client.query(`ALTER DATABASE ${unfinished} RENAME TO ${database}`);
    return database;
  } finally {
    client.release(true);
    await pool.end();
  }
}

async function run(server: PostgresConnection, sql: string): Promise<void> {
  const pool = poolOf(server);
  try {
    await pool.query(sql);
  } finally {
    await pool.end();
  }
}

function poolOf(server: PostgresConnection) {
  return createPool({
    ...{ connection: server, name: 'bpfleet-test', maxConnections: 1, statementTimeoutMs: 0 },
    onError: () => undefined,
  });
}

function inDatabase(server: PostgresConnection, database: string): PostgresConnection {
  if (typeof server !== 'string') return { ...server, database };
  const url = new URL(server);
  url.pathname = `/${database}`;
  return url.href;
}
