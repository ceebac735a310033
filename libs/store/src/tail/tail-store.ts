import type { SectionTest } from '@bpfleet/pruning';
import pg from 'pg';
import type { CopyField } from '../copy/copy-decoder.js';
import { copyOut } from '../copy/copy-out.js';
import { type GivenUp, givenUp } from '../retention/given-up.js';
import { clamp, onFilter } from '../sections/section-query.js';
import { decodeSection, type StoredSection } from '../sections/section-store.js';
import { sectionTestSql } from '../sections/section-test-sql.js';
import { storeError } from '../store-error.js';
import { LONGEST_COMMIT_US, type StoredEnd, type StoredEnds, type TailPlace } from './tail-vector.js';

/** Which sections a tail looks into: those that may hold packets at or after `sinceNs`. */
export interface TailQuery {
  readonly sinceNs: bigint;
  readonly agent?: string | undefined;
  /** `web`, any version of it, or `web@3`. */
  readonly filter?: string | undefined;
  readonly test?: SectionTest | undefined;
}

/** What to read of one partition: offsets from `place.next` up to, not including, `end`. */
export interface TailSpan {
  readonly place: TailPlace;
  readonly end: bigint;
  /** Of the log as it is now; older rows have the offsets of the one before. */
  readonly replacedAtUs: number;
}

export interface TailSection extends StoredSection {
  readonly logId: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly ingestedUs: number;
}

/** Reads sections in the order in which they were stored, partition by partition. Holds no transaction between two reads. */
export class TailStore {
  constructor(private readonly pool: pg.Pool) {}

  /** Imported files are history and no part of it. */
  async ends(): Promise<StoredEnds> {
    const { rows } = await this.#query<EndRow>(ENDS);
    const ends = rows.flatMap(({ log, partition, next, replacement, is_newest, ...times }): StoredEnd[] => {
      if (log === null) return [];
      const [replacedAtUs, movedUs] = [Number(times.replaced_at_us), Number(times.moved_us)];
      const place = { logId: log, partition, next: BigInt(next), replacement: BigInt(replacement) };
      return [{ ...place, replacedAtUs, movedUs, isNewest: is_newest }];
    });
    return { ends, nowUs: Number(rows[0]!.now_us), retainedFromUs: Number(rows[0]!.retained_us) };
  }

  /** Where to begin so that no packet at or after `sinceNs` is left out, of those whose host's clock can be believed. */
  async places(sinceNs: bigint, { ends, nowUs }: StoredEnds): Promise<TailPlace[]> {
    const { rows } = await this.#query<FirstRow>(FIRST, [
      clamp(sinceNs),
      ends.map(({ logId }) => logId),
      ends.map(({ partition }) => partition),
      ends.map(({ next }) => next),
      ends.map(({ replacedAtUs }) => replacedAtUs),
    ]);
    return ends.map(({ logId, partition, next, replacement }) => {
      const first = rows.find((row) => row.log === logId && row.partition === partition);
      const place = { logId, partition, replacement };
      return first
        ? { ...place, next: BigInt(first.first), storedFromUs: Number(first.stored_us) }
        : { ...place, next, storedFromUs: nowUs };
    });
  }

  /**
   * The sections of each span, in order, at most `limit` and not many more than `limitBytes` of each; never none of a
   * span that has one.
   */
  async sections(
    spans: readonly TailSpan[],
    query: TailQuery,
    { limit, limitBytes }: { readonly limit: number; readonly limitBytes: number },
    signal?: AbortSignal,
  ): Promise<TailSection[]> {
    const sql = spans.map((span) => spanSql(span, query, limit, limitBytes)).join(' UNION ALL ');
    try {
      return await copyOut(this.pool, sql, decodeTailSection, signal);
    } catch (error) {
      throw storeError(error);
    }
  }

  /**
   * The lowest offset from `place.next` on that has a section which is kept; undefined: none has. What is given up is gone,
   * although its table may be there for a while: it can be dropped between two reads.
   */
  async firstOffset({ place, end, replacedAtUs }: TailSpan, retainedFromUs: number): Promise<bigint | undefined> {
    const fromUs = Math.max(replacedAtUs, retainedFromUs);
    const { rows } = await this.#query<{ first: string | null }>(
      `SELECT min(log_offset) AS first FROM analytics.section
       WHERE log = $1 AND partition = $2 AND log_offset >= $3 AND log_offset < $4 AND ingested_at >= ${instant(fromUs)}`,
      [place.logId, place.partition, place.next, end],
    );
    const first = rows[0]!.first;
    return first === null ? undefined : BigInt(first);
  }

  /** As `StoredEnds` has it, at this moment. Remembered before the first of the rows goes: see retention/drop-partition.ts. */
  async retainedFromUs(): Promise<number> {
    const { rows } = await this.#query<{ retained_us: string }>(`SELECT ${RETAINED} AS retained_us`);
    return Number(rows[0]!.retained_us);
  }

  /** What was given up of the packets since then. */
  givenUp(sinceNs: bigint, untilNs: bigint): Promise<GivenUp[]> {
    return givenUp(this.pool, 'section', sinceNs, untilNs);
  }

  async #query<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<pg.QueryResult<Row>> {
    try {
      return await this.pool.query<Row>(sql, values);
    } catch (error) {
      throw storeError(error);
    }
  }
}

interface EndRow {
  readonly log: string | null;
  readonly partition: number;
  readonly next: string;
  readonly replacement: string;
  readonly replaced_at_us: string;
  readonly moved_us: string;
  readonly is_newest: boolean;
  readonly now_us: string;
  readonly retained_us: string;
}

interface FirstRow {
  readonly log: string;
  readonly partition: number;
  readonly first: string;
  readonly stored_us: string;
}

const micros = (instant: string): string => `trunc(extract(epoch FROM ${instant}) * 1000000)::bigint`;

const RETAINED = `COALESCE((SELECT ${micros('max(ingested_to)')} FROM analytics.not_retained WHERE class = 'section'), 0)`;

// Always a row, for the clock.
const ENDS = `
  SELECT ${micros('now()')} AS now_us, ${RETAINED} AS retained_us,
    p.log, p.partition, p.next, COALESCE(l.id, 0) AS replacement, COALESCE(${micros('l.noticed_at')}, 0) AS replaced_at_us,
    ${micros('p.moved_at')} AS moved_us,
    max(p.taken_at) OVER (PARTITION BY p.log) = max(p.taken_at) OVER () AS is_newest
  FROM (SELECT) AS clock
  LEFT JOIN analytics.position AS p ON NOT starts_with(p.log, 'import ')
  LEFT JOIN LATERAL (
    SELECT id, noticed_at FROM analytics.loss
    WHERE log = p.log AND partition = p.partition AND reason = 'log-replaced' ORDER BY id DESC LIMIT 1
  ) AS l ON true`;

// The hours first: so that Postgres looks into no partition that has nothing of the range.
const FIRST = `
  SELECT e.log, e.partition, min(s.log_offset) AS first, ${micros('min(s.ingested_at)')} AS stored_us
  FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[]) AS e (log, partition, next, replaced_at_us)
  JOIN analytics.section AS s ON s.log = e.log AND s.partition = e.partition AND s.log_offset < e.next
    AND s.ingested_at >= to_timestamp(0) + e.replaced_at_us * interval '1 microsecond'
  WHERE s.ts_max >= $1 AND NOT s.clock_suspect
    AND s.ingested_at >= (SELECT min(hour) FROM analytics.partition_range WHERE ts_max >= $1)
  GROUP BY e.log, e.partition`;

function spanSql({ place, end, replacedAtUs }: TailSpan, query: TailQuery, limit: number, limitBytes: number): string {
  const { logId, partition, next, storedFromUs } = place;
  const parts = [
    `log = ${literal(logId)} AND partition = ${partition} AND log_offset >= ${next} AND log_offset < ${end}`,
    `ingested_at >= ${instant(Math.max(replacedAtUs, storedFromUs - LONGEST_COMMIT_US))}`,
    `ts_max >= ${clamp(query.sinceNs)}`,
  ];
  if (query.agent !== undefined) parts.push(`agent = ${literal(query.agent)}`);
  if (query.filter !== undefined) parts.push(onFilter(query.filter));
  if (query.test !== undefined) parts.push(sectionTestSql(query.test));
  return `(
    SELECT agent, epoch, seq, ts_min, ts_max, packets, dropped_by_kernel, body, log, partition, log_offset,
      ${micros('ingested_at')}
    FROM (
      SELECT *, sum(bytes) OVER (ORDER BY log_offset ROWS UNBOUNDED PRECEDING) - bytes AS bytes_before
      FROM analytics.section WHERE ${parts.join(' AND ')} ORDER BY log_offset LIMIT ${limit}
    ) AS step WHERE bytes_before < ${limitBytes} ORDER BY log_offset)`;
}

/** Written out, so that the planner leaves out partitions. */
const instant = (us: number): string => `'${new Date(Math.floor(us / 1000)).toISOString()}'::timestamptz
  + ${us % 1000} * interval '1 microsecond'`;

const literal = (text: string): string => pg.escapeLiteral(text.replaceAll('\0', ''));

function decodeTailSection(fields: readonly CopyField[]): TailSection {
  const [log, partition, offset, ingested] = fields.slice(8) as Buffer[];
  return {
    ...decodeSection(fields),
    logId: log!.toString('utf8'),
    partition: partition!.readInt32BE(),
    offset: offset!.readBigInt64BE(),
    ingestedUs: Number(ingested!.readBigInt64BE()),
  };
}
