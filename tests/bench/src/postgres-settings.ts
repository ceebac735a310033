import type pg from 'pg';

const SETTINGS = ['fsync', 'jit', 'max_wal_size', 'shared_buffers', 'synchronous_commit'];

/** For the workload: settings of the server that speed depends on, as they are in force. */
export async function describePostgres(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query<{ settings: string }>(
    "SELECT string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name) AS settings FROM pg_settings WHERE name = ANY ($1)",
    [SETTINGS],
  );
  return `Postgres with ${rows[0]!.settings}`;
}
