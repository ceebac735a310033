import { readdir } from 'node:fs/promises';
import { parse } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BpfleetError } from '@bpfleet/errors';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { liftTimeLimits } from './pool.js';

export interface MigrateOptions {
  /** `postgres://…`, what `EmbeddedPostgres` answers, or a pool to take one connection from. */
  readonly connection: string | pg.ClientConfig | pg.Pool;
  /** Made when missing. Its tables, and the list of migrations that ran, are only this directory's business. */
  readonly schema: string;
  /** Holds the `.sql` files; they run in the order of their names. */
  readonly directory: string;
}

/** The migrations of schema `analytics`: beside `src` and `dist`, so that both find them. */
export const analyticsMigrations = fileURLToPath(new URL('../migrations', import.meta.url));

/**
 * Brings a schema up to date. All pending migrations run in one transaction; of several processes that start together
 * one runs them and the others wait.
 * @returns the names of those that ran now
 * @throws BpfleetError `DATA_NEWER`, before anything is changed, when the database knows migrations that this build does not
 */
export async function migrate({ connection, schema, directory }: MigrateOptions): Promise<string[]> {
  const known = (await readdir(directory)).filter((name) => name.endsWith('.sql')).map((name) => parse(name).name);
  const { client, close } = await connect(connection);
  try {
    // A pool's time limits are for queries, not for this.
    await liftTimeLimits(client);
    await client.query('SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0');
    // Held until the connection ends. One lock per schema and not node-pg-migrate's own: the check belongs inside it.
    await client.query("SELECT pg_advisory_lock(hashtext('bpfleet-migrate'), hashtext($1))", [schema]);
    const applied = await appliedMigrations(client, schema);
    const unknown = applied.filter((name) => !known.includes(name));
    if (unknown.length > 0) {
      throw new BpfleetError(
        'DATA_NEWER',
        `the database was used by a newer bpfleet: its schema ${schema} has ${unknown.join(', ')}`,
        { hint: 'update bpfleet, or use another data folder or database' },
      );
    }
    if (known.every((name) => applied.includes(name))) return [];
    const ran = await runner({
      dbClient: client,
      dir: directory,
      direction: 'up',
      schema,
      createSchema: true,
      migrationsTable: MIGRATIONS_TABLE,
      noLock: true,
      singleTransaction: true,
      logger: QUIET,
    });
    return ran.map(({ name }) => name);
  } finally {
    await close();
  }
}

const MIGRATIONS_TABLE = 'migration';
// What fails is thrown; what runs is returned.
const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

async function connect(
  connection: MigrateOptions['connection'],
): Promise<{ client: pg.ClientBase; close: () => Promise<void> | void }> {
  if (connection instanceof pg.Pool) {
    const client = await connection.connect();
    // Closed, not given back: the lock and the settings above go with it.
    return { client, close: () => client.release(true) };
  }
  const client = new pg.Client(connection);
  // What breaks is learnt by the query that fails.
  client.on('error', () => {});
  await client.connect();
  return { client, close: () => client.end() };
}

async function appliedMigrations(client: pg.ClientBase, schema: string): Promise<string[]> {
  const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(MIGRATIONS_TABLE)}`;
  const { rows: found } = await client.query<{ is_there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is_there', [
    table,
  ]);
  if (!found[0]?.is_there) return [];
  const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${table}`);
  return rows.map(({ name }) => name);
}
