import type pg from 'pg';
import type { PartitionedClass } from '../partitions/partitioned-tables.js';
import { clamp } from '../sections/section-query.js';
import { storeError } from '../store-error.js';

/** A part of a range of packet times, in Unix ns, both ends included, of which rows were given up. */
export interface GivenUp {
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** As Postgres counts them: about. */
  readonly rows: number;
}

/**
 * What of one class was given up of a range, at most the newest 20 parts. Ask after the scan: what goes while it runs is
 * among them.
 */
export async function givenUp(
  pool: pg.Pool,
  of: PartitionedClass,
  sinceNs: bigint,
  untilNs: bigint,
): Promise<GivenUp[]> {
  try {
    const { rows } = await pool.query<{ ts_min: string; ts_max: string; rows: string }>(GIVEN_UP, [
      clamp(sinceNs),
      clamp(untilNs),
      of,
    ]);
    return rows.map((row) => ({ fromNs: BigInt(row.ts_min), toNs: BigInt(row.ts_max), rows: Number(row.rows) }));
  } catch (error) {
    throw storeError(error);
  }
}

// Parts less than a minute apart become one; within the range, since nobody asked for more. The sum is numeric: a time may be the
// last that a bigint has.
const GIVEN_UP = `
  WITH gone AS (
    SELECT GREATEST(ts_min, $1) AS ts_min, LEAST(ts_max, $2) AS ts_max, rows
    FROM analytics.not_retained WHERE class = $3 AND ts_max >= $1 AND ts_min <= $2
  ), marked AS (
    SELECT *, ts_min > 60000000000::numeric
      + max(ts_max) OVER (ORDER BY ts_min ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS begins
    FROM gone
  ), numbered AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (ORDER BY ts_min) AS number FROM marked
  )
  SELECT min(ts_min) AS ts_min, max(ts_max) AS ts_max, sum(rows) AS rows FROM numbered
  GROUP BY number ORDER BY number DESC LIMIT 20`;
