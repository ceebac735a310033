import { type FlowQuery, isVersion, weightSql } from './flow-query.js';

/** What flows are summed by. `port`: the service's, the smaller one; `time`: steps since 1970. */
export type GroupKey = 'agent' | 'filter' | 'host' | 'port' | 'protocol';
export type GroupQuery =
  | { readonly by: GroupKey; readonly order: 'packets' | 'bytes'; readonly limit: number }
  | { readonly by: 'time'; readonly stepNs: bigint };

export interface Totals {
  readonly packets: number;
  readonly bytes: number;
  /** By their weights; as counted where nothing was sampled. */
  readonly estimatedPackets: number;
  readonly estimatedBytes: number;
}

export interface FlowGroup extends Totals {
  /** As Postgres prints it; null: flows without a port. */
  readonly key: string | null;
}

export interface GroupRow {
  readonly key: string | null;
  readonly packets: string;
  readonly bytes: string;
  readonly estimated_packets: string;
  readonly estimated_bytes: string;
}

export function groupOf(row: GroupRow): FlowGroup {
  return {
    ...{ key: row.key, packets: Number(row.packets), bytes: Number(row.bytes) },
    ...{ estimatedPackets: Number(row.estimated_packets), estimatedBytes: Number(row.estimated_bytes) },
  };
}

const SUMS = `COALESCE(sum(packets), 0) AS packets, COALESCE(sum(bytes), 0) AS bytes,
  COALESCE(sum(packets * weight), 0) AS estimated_packets, COALESCE(sum(bytes * weight), 0) AS estimated_bytes`;

/** Behind `withFlows`. */
export function totalsSql({ version }: FlowQuery): string {
  return `SELECT ${SUMS} FROM (SELECT packets, bytes, ${weightSql(version)} AS weight FROM flows) AS flow`;
}

/** Behind `withFlows`. */
export function groupSql(query: FlowQuery, groups: GroupQuery): string {
  const rest = groups.by === 'time' ? 'ORDER BY key' : `ORDER BY sum(${groups.order}) DESC, key LIMIT ${groups.limit}`;
  const text = groups.by === 'host' ? 'host(key)' : 'key::text';
  return `SELECT ${text} AS key, ${SUMS} FROM (${keyedSql(query, groups)}) AS flow GROUP BY flow.key ${rest}`;
}

function keyedSql({ version }: FlowQuery, groups: GroupQuery): string {
  const keyed = (key: string, where = '') =>
    `SELECT ${key} AS key, packets, bytes, ${weightSql(version)} AS weight FROM flows ${where}`;
  switch (groups.by) {
    case 'time':
      return keyed(`first_ns / ${groups.stepNs}`);
    case 'agent':
      return keyed('agent');
    case 'protocol':
      return keyed('protocol');
    case 'port':
      return keyed('LEAST(source_port, destination_port)');
    case 'host':
      // A packet of a host to itself counts once.
      return `${keyed('source')} UNION ALL ${keyed('destination', 'WHERE destination <> source')}`;
    case 'filter':
      return `SELECT name AS key, packets, bytes, COALESCE(weight, '1')::bigint AS weight
        FROM flows, unnest(string_to_array(filters, ','), string_to_array(weights, ',')) AS v (name, weight)
        WHERE ${version === undefined ? 'true' : isVersion(version)}`;
  }
}
