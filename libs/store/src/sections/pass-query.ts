import type { CopyField } from '../copy/copy-decoder.js';
import {
  behind,
  type Cursor,
  literal,
  ORDER,
  type SectionName,
  type SectionOrder,
  withinHours,
} from './section-query.js';
import { SECTION_COLUMNS } from './stored-section.js';
import type { TimeWindow } from './time-windows.js';

/** A section that a pass found: its place in the order, what names it, and where it is. */
export interface FoundSection extends SectionName {
  readonly tsNs: bigint;
  readonly bytes: number;
  /** ISO 8601, to the microsecond. */
  readonly ingestedAt: string;
}

/** One pass over a window of time. */
export interface Pass {
  /** Sections of the window, whatever they hold. */
  readonly there: number;
  readonly found: readonly FoundSection[];
}

/**
 * How many sections the window has, and which of those behind the cursor pass the test. Without an order, so that Postgres goes over the
 * rows as they lie on the disk.
 * @param where without the test
 */
export function passQuery(
  where: string,
  test: string,
  order: SectionOrder,
  { fromNs, toNs }: TimeWindow,
  cursor: Cursor | undefined,
): string {
  const { column, notBefore, notYet } = ORDER[order];
  const from = fromNs === undefined ? '' : `AND ${column} ${notBefore} ${fromNs}`;
  const to = toNs === undefined ? '' : `AND ${column} ${notYet} ${toNs}`;
  const found = cursor ? `${behind(order, cursor)} AND ${test}` : test;
  return `
    SELECT count(*), string_agg(json_build_array(${column}::text, agent, epoch, seq, bytes, ingested_at)::text, ',')
      FILTER (WHERE ${found})
    FROM analytics.section WHERE ${where} ${from} ${to}`;
}

export function decodePass(order: SectionOrder, [count, names]: readonly CopyField[]): Pass {
  const listed: [string, string, number, number, number, string][] = JSON.parse(`[${names?.toString('utf8') ?? ''}]`);
  const found = listed.map(([ts, agent, epoch, seq, bytes, ingestedAt]) => ({
    ...{ tsNs: BigInt(ts), agent, epoch, seq, bytes, ingestedAt },
  }));
  const sign = order === 'newest' ? -1 : 1;
  return { there: Number(count!.readBigInt64BE()), found: found.sort((a, b) => sign * compared(a, b)) };
}

/** In the order of `sortingOf`, rising. */
function compared(a: FoundSection, b: FoundSection): number {
  if (a.tsNs !== b.tsNs) return a.tsNs < b.tsNs ? -1 : 1;
  if (a.agent !== b.agent) return a.agent < b.agent ? -1 : 1;
  return a.epoch - b.epoch || a.seq - b.seq;
}

/** Sections that a pass found, in their order, each by the index on names in its own partition. */
export function foundQuery(found: readonly FoundSection[]): string {
  const values = found.map(
    ({ agent, epoch, seq, ingestedAt }, place) =>
      `(${place}, ${literal(agent)}, ${epoch}::bigint, ${seq}::bigint, ${literal(ingestedAt)}::timestamptz)`,
  );
  return `
    SELECT ${SECTION_COLUMNS} FROM (VALUES ${values.join(', ')}) AS wanted (place, agent, epoch, seq, ingested_at)
    CROSS JOIN LATERAL (
      SELECT ts_min, ts_max, packets, dropped_by_kernel, body FROM analytics.section AS stored
      WHERE stored.agent = wanted.agent AND stored.epoch = wanted.epoch AND stored.seq = wanted.seq
        AND stored.ingested_at = wanted.ingested_at AND ${withinHours(hoursOf(found))}
      LIMIT 1
    ) AS stored ORDER BY place`;
}

const HOUR_MS = 3_600_000;

/** Of their ingest, ascending. */
function hoursOf(found: readonly FoundSection[]): Date[] {
  const hours = new Set(found.map(({ ingestedAt }) => Math.floor(Date.parse(ingestedAt) / HOUR_MS)));
  return [...hours].sort((a, b) => a - b).map((hour) => new Date(hour * HOUR_MS));
}
