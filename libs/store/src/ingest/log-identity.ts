import type pg from 'pg';

/**
 * Our own part of a log's id: random, made once per database. A Kafka cluster that keeps its id while the database is
 * replaced is thereby another log, and read from its first record.
 */
export async function logIdentity(pool: pg.Pool, name: string): Promise<string> {
  await pool.query('INSERT INTO analytics.log_identity (name) VALUES ($1) ON CONFLICT DO NOTHING', [name]);
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM analytics.log_identity WHERE name = $1', [name]);
  return rows[0]!.id;
}
