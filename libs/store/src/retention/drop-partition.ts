import type pg from 'pg';
import type { Outlived } from './outlived.js';

/**
 * Remembers what goes, and from this commit on no query looks for it: the packet times of a section's hour leave
 * `partition_range` in the same transaction. The table itself is dropped afterwards, also by the next round.
 */
export async function leave(client: pg.ClientBase, { partition, reason }: Outlived): Promise<void> {
  const { name, table, beginMs, endMs } = partition;
  const span = [new Date(beginMs), new Date(endMs)];
  await client.query('BEGIN');
  try {
    await client.query(REMEMBER, [partition.class, ...span, partition.rows, partition.bytes, reason]);
    if (partition.class === 'section') {
      await client.query('DELETE FROM analytics.partition_range WHERE hour >= $1 AND hour < $2', span);
    }
    await client.query('INSERT INTO analytics.leaving_partition VALUES ($1, $2) ON CONFLICT DO NOTHING', [name, table]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

// Flows are made of sections some time after these: of those of the hour before, too, and such an hour may be gone already.
const REMEMBER = `
  INSERT INTO analytics.not_retained AS n
    (class, ingested_from, ingested_to, ts_min, ts_max, suspect_ts_min, suspect_ts_max, rows, bytes, reason)
  SELECT $1::text, $2::timestamptz, $3::timestamptz, min(ts_min), max(ts_max), min(suspect_ts_min), max(suspect_ts_max),
    $4::bigint, $5::bigint, $6::text
  FROM (
    SELECT hour, ts_min, ts_max, suspect_ts_min, suspect_ts_max FROM analytics.partition_range
    UNION ALL
    SELECT ingested_from, ts_min, ts_max, suspect_ts_min, suspect_ts_max FROM analytics.not_retained
    WHERE class = 'section' AND $1::text <> 'section'
  ) AS hours
  WHERE hour < $3 AND hour >= CASE WHEN $1::text = 'section' THEN $2 ELSE $2 - interval '1 hour' END
  ON CONFLICT (class, ingested_from) DO UPDATE SET
    ts_min = LEAST(n.ts_min, excluded.ts_min), ts_max = GREATEST(n.ts_max, excluded.ts_max),
    suspect_ts_min = LEAST(n.suspect_ts_min, excluded.suspect_ts_min),
    suspect_ts_max = GREATEST(n.suspect_ts_max, excluded.suspect_ts_max),
    rows = n.rows + excluded.rows, bytes = n.bytes + excluded.bytes, given_up_at = now()`;

export interface Leaving {
  readonly name: string;
  readonly parent: string;
}

export async function leavingPartitions(client: pg.ClientBase): Promise<readonly Leaving[]> {
  const { rows } = await client.query<Leaving>('SELECT name, parent FROM analytics.leaving_partition ORDER BY since');
  return rows;
}

/**
 * Takes a partition out of its table and drops it, or goes on where an earlier attempt ended. Readers and writers do not
 * wait: DETACH … CONCURRENTLY itself waits for the transactions that may still read the partition, and gives up when the
 * connection's lock_timeout is over.
 */
export async function dropPartition(client: pg.ClientBase, { name, parent }: Leaving): Promise<void> {
  const { rows } = await client.query<{ is_pending: boolean }>(
    'SELECT inhdetachpending AS is_pending FROM pg_inherits WHERE inhrelid = to_regclass($1)',
    [`analytics.${name}`],
  );
  if (rows[0] !== undefined) {
    const how = rows[0].is_pending ? 'FINALIZE' : 'CONCURRENTLY';
    await client.query(`ALTER TABLE analytics.${parent} DETACH PARTITION analytics.${name} ${how}`);
  }
  await client.query(`DROP TABLE IF EXISTS analytics.${name}`);
  await client.query('DELETE FROM analytics.leaving_partition WHERE name = $1', [name]);
}
