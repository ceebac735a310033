import type pg from 'pg';
import { clamp, type Hour, type SectionQuery } from './section-query.js';

/** Where sections that may hold packets of a time are. */
export interface SectionRange {
  /** Ingest hours, ascending; none: there are no such sections. */
  readonly hours: readonly Hour[];
  /** No section of these hours begins before, or ends behind; Unix ns. */
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

export async function sectionRange(
  pool: pg.Pool,
  query: Pick<SectionQuery, 'sinceNs' | 'untilNs'>,
): Promise<SectionRange> {
  const { rows } = await pool.query<{ hour: Hour; first: string; last: string }>(
    `SELECT hour, min(LEAST(ts_min, suspect_ts_min)) AS first, max(GREATEST(ts_max, suspect_ts_max)) AS last
     FROM analytics.partition_range
     WHERE (ts_max >= $1 AND ts_min <= $2) OR (suspect_ts_max >= $1 AND suspect_ts_min <= $2) GROUP BY hour ORDER BY hour`,
    [clamp(query.sinceNs), clamp(query.untilNs)],
  );
  const [firsts, lasts] = [rows.map(({ first }) => BigInt(first)), rows.map(({ last }) => BigInt(last))];
  return {
    hours: rows.map(({ hour }) => hour),
    firstNs: firsts.reduce((least, ns) => (ns < least ? ns : least), firsts[0] ?? 0n),
    lastNs: lasts.reduce((most, ns) => (ns > most ? ns : most), lasts[0] ?? 0n),
  };
}
