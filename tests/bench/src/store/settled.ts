import type pg from 'pg';
import { until } from './store-rig.js';

/** Sums are merged once a minute when they are two minutes old, those of ten minutes three minutes behind their end. */
const MOST_MS = 600_000;

const WAITING = `
  SELECT count(*) AS minutes FROM analytics.flow_minute
  WHERE NOT is_merged OR NOT is_in_ten_minutes AND NOT is_in_hour
    AND bucket_ns < (extract(epoch FROM now() - interval '3 minutes') * 1000000000)::bigint / 600000000000 * 600000000000`;

/**
 * The store as it is when an hour's packets came in an hour: all that Postgres and analytics do some minutes later is done.
 * A running analytics merges.
 */
export async function settled(pool: pg.Pool): Promise<void> {
  const waiting = async () => Number((await pool.query<{ minutes: string }>(WAITING)).rows[0]!.minutes);
  await until('the sums of minutes to be merged', async () => (await waiting()) === 0, MOST_MS);
  await pool.query(
    'VACUUM (ANALYZE) analytics.section, analytics.flow, analytics.flow_minute, analytics.flow_ten_minutes',
  );
  await pool.query('CHECKPOINT');
}
