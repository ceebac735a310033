import type pg from 'pg';
import type { Limits } from './outlived.js';

/** Few enough to be through in a moment; the next round goes on. */
const MOST_ROWS = 10_000;

/** What has left the log's way has few rows and no partitions: its oldest rows are deleted. */
export async function deleteOldRows(
  client: pg.ClientBase,
  limits: { readonly quarantine: Limits; readonly loss: Pick<Limits, 'hours'> },
): Promise<number> {
  const { rows } = await client.query<{ is_large: boolean }>(
    "SELECT pg_total_relation_size('analytics.quarantine') > $1 AS is_large",
    [limits.quarantine.bytes],
  );
  const deleted = [
    await client.query(deleteOlder('quarantine', 'quarantined_at'), [limits.quarantine.hours, MOST_ROWS]),
    await client.query(deleteOlder('loss', 'noticed_at'), [limits.loss.hours, MOST_ROWS]),
    ...(rows[0]!.is_large ? [await client.query(DELETE_BEYOND_BYTES, [limits.quarantine.bytes, MOST_ROWS])] : []),
  ];
  return deleted.reduce((sum, { rows: counts }) => sum + Number(counts[0]?.count ?? 0), 0);
}

const timesOf = { quarantine: 'min(ts_min) AS ts_min, max(ts_max) AS ts_max', loss: 'NULL AS ts_min, NULL AS ts_max' };

const deleteOlder = (table: 'quarantine' | 'loss', time: string): string => `
  WITH old AS (
    SELECT id FROM analytics.${table} WHERE ${time} < now() - make_interval(hours => $1) ORDER BY ${time} LIMIT $2
  ), ${remembered(table, time, 'age')}`;

// The size of a table that rows were deleted of stays; the sum of what is kept does not.
const DELETE_BEYOND_BYTES = `
  WITH old AS (
    SELECT id FROM (
      SELECT id, sum(octet_length(body)) OVER (ORDER BY id DESC) AS bytes FROM analytics.quarantine
    ) AS summed WHERE bytes > $1 ORDER BY id LIMIT $2
  ), ${remembered('quarantine', 'quarantined_at', 'size')}`;

/** Deletes the rows named in `old`, and notes by the hour how many they were. */
function remembered(table: 'quarantine' | 'loss', time: string, reason: 'age' | 'size'): string {
  return `gone AS (
    DELETE FROM analytics.${table} WHERE id IN (SELECT id FROM old) RETURNING *
  ), noted AS (
    INSERT INTO analytics.not_retained AS n (class, ingested_from, ingested_to, ts_min, ts_max, rows, bytes, reason)
    SELECT '${table}', hour, hour + interval '1 hour', ts_min::bigint, ts_max::bigint, count, bytes, '${reason}' FROM (
      SELECT date_trunc('hour', ${time}, 'UTC') AS hour, ${timesOf[table]}, count(*) AS count,
        ${table === 'quarantine' ? 'sum(octet_length(body))' : '0'} AS bytes
      FROM gone GROUP BY hour
    ) AS hours
    ON CONFLICT (class, ingested_from) DO UPDATE SET
      ts_min = LEAST(n.ts_min, excluded.ts_min), ts_max = GREATEST(n.ts_max, excluded.ts_max),
      rows = n.rows + excluded.rows, bytes = n.bytes + excluded.bytes, given_up_at = now()
  ) SELECT count(*) FROM gone`;
}
