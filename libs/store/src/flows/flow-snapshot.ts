import type pg from 'pg';
import type { CopyField } from '../copy/copy-decoder.js';
import { copyRows, tellRows } from '../copy/copy-out.js';
import { clamp } from '../sections/section-query.js';
import {
  type FlowGroup,
  type GroupQuery,
  type GroupRow,
  groupOf,
  groupSql,
  type Totals,
  totalsSql,
} from './flow-groups.js';
import { type FlowPage, type FoundFlow, foundFlow, type PageRow, pageSql } from './flow-page.js';
import { type FlowQuery, literal, pendingValues, scopeSql, withFlows } from './flow-query.js';
import { type FlowBucket, type FlowRow, HOUR_NS, TEN_MINUTES_NS } from './flow-row.js';

/** Stored sections that no flow has been made of. */
export interface PendingSections {
  /** In all of them, by their headers. */
  readonly packets: number;
  readonly sections: readonly { readonly agent: string; readonly body: Uint8Array }[];
}

/** Sums of one bucket as far as they are asked for; `keys` is what `services` or `hosts` hold. */
export interface StoredSum extends FlowBucket {
  readonly packets: number;
  readonly bytes: number;
  readonly otherPackets: number;
  readonly otherBytes: number;
  readonly unclearPackets: number;
  readonly unclearBytes: number;
  readonly keys: Uint8Array;
}

/** What of a sum is wanted beside the counts. */
export type SumKeys = 'services' | 'hosts' | 'none';

/** What one answer about flows asks, all of it of one moment. */
export class FlowSnapshot {
  /** @param signal when it is aborted no other query begins */
  constructor(
    private readonly client: pg.ClientBase,
    private readonly signal?: AbortSignal,
  ) {}

  /**
   * Sections with packets in the range that have no flows yet.
   * @param mostPackets with more of them `sections` is empty: they are only counted
   */
  async pending(query: FlowQuery, mostPackets: number): Promise<PendingSections> {
    const { rows: positions } = await this.#query<PositionRow>(BEHIND);
    if (positions.length === 0) return { packets: 0, sections: [] };
    const where = pendingSql(query, positions);
    const { rows } = await this.#query<{ packets: string }>(
      `SELECT COALESCE(sum(packets), 0) AS packets FROM analytics.section WHERE ${where}`,
    );
    const packets = Number(rows[0]!.packets);
    if (packets === 0 || packets > mostPackets) return { packets, sections: [] };
    const sql = `SELECT agent, body FROM analytics.section WHERE ${where}`;
    this.signal?.throwIfAborted();
    const sections = await copyRows(this.client, sql, ([agent, body]) => ({
      agent: agent!.toString('utf8'),
      body: Buffer.from(body!),
    }));
    return { packets, sections };
  }

  /** The flows of the range, those of one 5-tuple, agent and list of versions together. */
  async flows(query: FlowQuery, pending: readonly FlowRow[], page: FlowPage): Promise<FoundFlow[]> {
    const sql = `${withFlows(query, await this.#hours(query))} ${pageSql(query, page)}`;
    return (await this.#query<PageRow>(sql, pendingValues(pending))).rows.map(foundFlow);
  }

  /** Sums of flows by a key, the largest first. */
  async groups(query: FlowQuery, pending: readonly FlowRow[], groups: GroupQuery): Promise<FlowGroup[]> {
    const sql = `${withFlows(query, await this.#hours(query))} ${groupSql(query, groups)}`;
    return (await this.#query<GroupRow>(sql, pendingValues(pending))).rows.map(groupOf);
  }

  /** Sums of all flows of the query. */
  async totals(query: FlowQuery, pending: readonly FlowRow[]): Promise<Totals> {
    const sql = `${withFlows(query, await this.#hours(query))} ${totalsSql(query)}`;
    const { rows } = await this.#query<Omit<GroupRow, 'key'>>(sql, pendingValues(pending));
    const { key: _, ...totals } = groupOf({ key: null, ...rows[0]! });
    return totals;
  }

  /** Packets of stored flows that a condition does not decide. */
  async notPlain(query: FlowQuery): Promise<number> {
    const hours = await this.#hours(query);
    if (hours.length === 0) return 0;
    const { rows } = await this.#query<{ packets: string }>(
      `SELECT COALESCE(sum(packets + COALESCE(back_packets, 0)), 0) AS packets FROM analytics.flow
       WHERE ingested_at >= $1 AND NOT is_plain AND ${scopeSql(query, 'first_ns')}`,
      [hours[0]],
    );
    return Number(rows[0]!.packets);
  }

  /**
   * Sums of minutes, and of hours and of ten minutes where all of them is in the range; a bucket may have several. The
   * condition is not asked.
   * @param keys which are wanted, beside the counts
   * @param finest minutes alone, for whoever asks by time
   * @param arrived told each as it comes, since a long range has more of them than fit in memory; its `keys` are gone behind the call
   */
  async sums(
    query: FlowQuery,
    keys: SumKeys,
    finest: 'minute' | 'hour',
    arrived: (sum: StoredSum) => void,
  ): Promise<void> {
    this.signal?.throwIfAborted();
    await tellRows(this.client, sumsSql(query, keys, finest), decodeSum, arrived);
  }

  #query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<pg.QueryResult<Row>> {
    this.signal?.throwIfAborted();
    return this.client.query<Row>(sql, [...values]);
  }

  /** Ingest hours whose flows may be of the range, the earliest first. */
  async #hours({ sinceNs, untilNs }: FlowQuery): Promise<Date[]> {
    const { rows } = await this.#query<{ hour: Date }>(
      `SELECT DISTINCT ingest_hour AS hour FROM analytics.flow_hours WHERE hour_ns > $1 AND hour_ns < $2 ORDER BY hour`,
      [clamp(sinceNs - HOUR_NS), clamp(untilNs)],
    );
    return rows.map(({ hour }) => hour);
  }
}

function decodeSum(fields: readonly CopyField[]): StoredSum {
  // All columns are NOT NULL.
  const [bucket, agent, filters, weights, keys, ...counts] = fields as Buffer[];
  const [packets, bytes, otherPackets, otherBytes, unclearPackets, unclearBytes] = counts.map(numberOf);
  return {
    bucketNs: bucket!.readBigInt64BE(),
    agent: agent!.toString('utf8'),
    filters: filters!.toString('utf8'),
    weights: weights!.toString('utf8'),
    keys: keys!,
    packets: packets!,
    bytes: bytes!,
    otherPackets: otherPackets!,
    otherBytes: otherBytes!,
    unclearPackets: unclearPackets!,
    unclearBytes: unclearBytes!,
  };
}

const numberOf = (int8: Buffer): number => Number(int8.readBigInt64BE());

interface PositionRow {
  readonly log: string;
  readonly partition: number;
  readonly next: string;
  readonly flows_next: string;
  readonly since: Date;
}

const BEHIND = `
  SELECT log, partition, next, flows_next, GREATEST(flows_at - interval '1 minute', '1970-01-01') AS since
  FROM analytics.position WHERE flows_next < next`;

function pendingSql({ sinceNs, untilNs, agent }: FlowQuery, positions: readonly PositionRow[]): string {
  const earliest = new Date(Math.min(...positions.map(({ since }) => since.getTime())));
  const behind = positions.map(
    ({ log, partition, next, flows_next: flowsNext, since }) =>
      `(partition = ${partition} AND log_offset >= ${flowsNext} AND log_offset < ${next} AND log = ${literal(log)}
        AND ingested_at >= '${since.toISOString()}')`,
  );
  const parts = [
    `ingested_at >= '${earliest.toISOString()}'`,
    `(${behind.join(' OR ')})`,
    `ts_max >= ${clamp(sinceNs)} AND ts_min < ${clamp(untilNs)}`,
  ];
  if (agent !== undefined) parts.push(`agent = ${literal(agent)}`);
  return parts.join(' AND ');
}

function sumsSql(query: FlowQuery, keys: SumKeys, finest: 'minute' | 'hour'): string {
  const columns = `bucket_ns, agent, filters, weights, ${keys === 'none' ? "''::bytea" : keys},
    packets, bytes, other_packets, other_bytes, unclear_packets, unclear_bytes`;
  const of = (table: string, where: readonly string[]) =>
    `SELECT ${columns} FROM analytics.${table} WHERE ${[scopeSql(query, 'bucket_ns'), ...where].join(' AND ')}`;
  if (finest === 'minute') return of('flow_minute', []);
  const [inHours, inTens] = [HOUR_NS, TEN_MINUTES_NS].map((ns) => `(${wholeSql(query, ns)})`);
  return [
    of('flow_hour', [inHours!]),
    of('flow_ten_minutes', [inTens!, `NOT ${inHours}`]),
    of('flow_minute', [`NOT (${inHours} AND is_in_hour)`, `NOT (${inTens} AND NOT ${inHours} AND is_in_ten_minutes)`]),
  ].join(' UNION ALL ');
}

/** Buckets of the range's whole hours, or whatever `ns` are. */
function wholeSql({ sinceNs, untilNs }: FlowQuery, ns: bigint): string {
  const firstNs = ((sinceNs + ns - 1n) / ns) * ns;
  const endNs = (untilNs / ns) * ns;
  return firstNs < endNs ? `bucket_ns >= ${firstNs} AND bucket_ns < ${endNs}` : 'false';
}
