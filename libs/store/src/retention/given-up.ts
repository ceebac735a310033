import type pg from 'pg';
import type { PartitionedClass } from '../partitions/partitioned-tables.js';
import { clamp } from '../sections/section-query.js';
import { storeError } from '../store-error.js';
import { spanParts } from './span-parts.js';

/** A part of a range of packet times, in Unix ns, both ends included, of which rows were given up. */
export interface GivenUp {
  readonly fromNs: bigint;
  readonly toNs: bigint;
  /** As Postgres counts them: about. */
  readonly rows: number;
}

/**
 * What of one class was given up of a range, the newest first. Ask after the scan: what goes while it runs is among them. At
 * most 20 parts: beyond that those nearest to each other are one.
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

// Within the range, since nobody asked for more.
const GIVEN_UP = `
  WITH spans AS (
    SELECT NULL AS ingested_from, NULL AS agent, GREATEST(ts_min, $1) AS ts_min, LEAST(ts_max, $2) AS ts_max, rows, bytes
    FROM analytics.not_retained WHERE class = $3 AND ts_max >= $1 AND ts_min <= $2
  ), ${spanParts(20)} SELECT ts_min, ts_max, rows FROM parts ORDER BY ts_min DESC`;
