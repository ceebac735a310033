import type { SectionTest } from '@bpfleet/pruning';
import pg from 'pg';
import { sectionTestSql } from './section-test-sql.js';

/** Which sections: those that may hold packets from `sinceNs` to `untilNs`, both included. */
export interface SectionQuery {
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  readonly agent?: string | undefined;
  /** `web`, any version of it, or `web@3`. */
  readonly filter?: string | undefined;
  /** Only those that can hold what is asked for. */
  readonly test?: SectionTest | undefined;
}

/** Newest: by the last packet's time, falling. Oldest: by the first packet's, rising. */
export type SectionOrder = 'newest' | 'oldest';

/** The last section of the step before. */
export interface Cursor {
  readonly tsNs: bigint;
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
}

/** An ingest hour, as the start of it. */
export type Hour = Date;

const ORDER = {
  newest: { column: 'ts_max', direction: 'DESC', after: '<' },
  oldest: { column: 'ts_min', direction: 'ASC', after: '>' },
} as const;

/** A condition on one section row, all values quoted. */
export function condition(query: SectionQuery, hours: readonly Hour[]): string {
  const parts = [`ts_max >= ${clamp(query.sinceNs)} AND ts_min <= ${clamp(query.untilNs)}`, withinHours(hours)];
  if (query.agent !== undefined) parts.push(`agent = ${literal(query.agent)}`);
  if (query.filter !== undefined) parts.push(onFilter(query.filter));
  if (query.test !== undefined) parts.push(sectionTestSql(query.test));
  return parts.join(' AND ');
}

/**
 * The next sections in order, at most `limit` and not many more than `limitBytes`; never none when there is one.
 * The running sum is over a window in the order of an index, so that Postgres stops reading at the limit; a body is
 * fetched only when its row is sent.
 */
export function stepQuery(
  where: string,
  order: SectionOrder,
  cursor: Cursor | undefined,
  limit: number,
  limitBytes: number,
): string {
  const { column, direction, after } = ORDER[order];
  const sorting = [column, 'agent', 'epoch', 'seq'].map((name) => `${name} ${direction}`).join(', ');
  const rest = cursor
    ? `AND (${column}, agent, epoch, seq) ${after} (${cursor.tsNs}, ${literal(cursor.agent)}, ${cursor.epoch}, ${cursor.seq})`
    : '';
  return `
    SELECT agent, epoch, seq, ts_min, ts_max, packets, dropped_by_kernel, body FROM (
      SELECT *, sum(bytes) OVER (ORDER BY ${sorting} ROWS UNBOUNDED PRECEDING) - bytes AS bytes_before
      FROM analytics.section WHERE ${where} ${rest}
      ORDER BY ${sorting} LIMIT ${limit}
    ) AS step WHERE bytes_before < ${limitBytes} ORDER BY ${sorting}`;
}

/** What names one section for ever. */
export interface SectionName {
  readonly agent: string;
  readonly epoch: number;
  readonly seq: number;
}

export function nameQuery({ agent, epoch, seq }: SectionName): string {
  return `
    SELECT agent, epoch, seq, ts_min, ts_max, packets, dropped_by_kernel, body FROM analytics.section
    WHERE agent = ${literal(agent)} AND epoch = ${epoch} AND seq = ${seq} LIMIT 1`;
}

/** Several at once, each by the index on names, however many the planner expects. */
export function namesQuery(names: readonly SectionName[], hours: readonly Hour[]): string {
  const values = names.map(({ agent, epoch, seq }) => `(${literal(agent)}, ${epoch}::bigint, ${seq}::bigint)`);
  return `
    SELECT found.* FROM (VALUES ${values.join(', ')}) AS wanted (agent, epoch, seq) CROSS JOIN LATERAL (
      SELECT agent, epoch, seq, ts_min, ts_max, packets, dropped_by_kernel, body FROM analytics.section AS stored
      WHERE stored.agent = wanted.agent AND stored.epoch = wanted.epoch AND stored.seq = wanted.seq
        AND ${withinHours(hours)}
      LIMIT 1
    ) AS found`;
}

const HOUR_MS = 3_600_000;

/**
 * Written out, so that the planner leaves out the partitions of the other hours; those in a row as one span, because each row is
 * compared with each of them. @param hours ascending
 */
function withinHours(hours: readonly Hour[]): string {
  const spans: { first: Hour; endMs: number }[] = [];
  for (const hour of hours) {
    const last = spans.at(-1);
    if (last?.endMs === hour.getTime()) last.endMs += HOUR_MS;
    else spans.push({ first: hour, endMs: hour.getTime() + HOUR_MS });
  }
  const within = spans.map(
    ({ first, endMs }) =>
      `ingested_at >= '${first.toISOString()}' AND ingested_at < '${new Date(endMs).toISOString()}'`,
  );
  return `(${within.map((span) => `(${span})`).join(' OR ')})`;
}

export function onFilter(filter: string): string {
  if (filter.includes('@')) return `filters @> ARRAY[${literal(filter)}]`;
  return `EXISTS (SELECT FROM unnest(filters) AS name WHERE starts_with(name, ${literal(`${filter}@`)}))`;
}

const literal = (text: string): string => pg.escapeLiteral(text.replaceAll('\0', ''));

const INT8_MAX = 2n ** 63n - 1n;

/** Times beyond what a bigint holds select as the last one does. */
export function clamp(ns: bigint): bigint {
  if (ns > INT8_MAX) return INT8_MAX;
  return ns < -INT8_MAX ? -INT8_MAX : ns;
}
