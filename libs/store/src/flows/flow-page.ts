import { type FlowQuery, literal, weightSql } from './flow-query.js';

/** A flow of the range: all its rows together. */
export interface FoundFlow {
  readonly agent: string;
  readonly filters: string;
  /** Addresses as Postgres prints them. */
  readonly source: string;
  readonly destination: string;
  /** -1 where there are none. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
  readonly firstNs: bigint;
  readonly lastNs: bigint;
  readonly packets: number;
  readonly bytes: number;
  /** By their weights; as counted where nothing was sampled. */
  readonly estimatedPackets: number;
  readonly estimatedBytes: number;
  readonly tcpFlags: number;
}

/** What names a flow, and where it stands: the latest first, then by all the rest. */
export type FlowCursor = Pick<
  FoundFlow,
  'lastNs' | 'agent' | 'filters' | 'source' | 'destination' | 'sourcePort' | 'destinationPort' | 'protocol'
>;

export interface FlowPage {
  readonly limit: number;
  /** The last one of the page before. */
  readonly after?: FlowCursor | undefined;
}

export interface PageRow {
  readonly agent: string;
  readonly filters: string;
  readonly source: string;
  readonly destination: string;
  readonly source_port: number;
  readonly destination_port: number;
  readonly protocol: number;
  readonly tcp_flags: number;
  /** bigint and numeric, as text. */
  readonly first_ns: string;
  readonly last_ns: string;
  readonly packets: string;
  readonly bytes: string;
  readonly estimated_packets: string;
  readonly estimated_bytes: string;
}

const KEY = 'agent, filters, source, destination, source_port, destination_port, protocol';

/** Behind `withFlows`. */
export function pageSql(query: FlowQuery, { limit, after }: FlowPage): string {
  const behind = after === undefined ? 'true' : behindSql(after);
  return `
    SELECT agent, filters, host(source) AS source, host(destination) AS destination, source_port, destination_port,
      protocol, first_ns, last_ns, packets, bytes, estimated_packets, estimated_bytes, tcp_flags
    FROM (
      SELECT agent, filters, source, destination, COALESCE(source_port, -1) AS source_port,
        COALESCE(destination_port, -1) AS destination_port, protocol, min(first_ns) AS first_ns,
        max(last_ns) AS last_ns, sum(packets) AS packets, sum(bytes) AS bytes, bit_or(tcp_flags) AS tcp_flags,
        sum(packets * ${weightSql(query.version)}) AS estimated_packets,
        sum(bytes * ${weightSql(query.version)}) AS estimated_bytes
      FROM flows GROUP BY ${KEY}
    ) AS flow WHERE ${behind} ORDER BY last_ns DESC, ${KEY} LIMIT ${limit}`;
}

function behindSql(after: FlowCursor): string {
  const { lastNs, agent, filters, source, destination, sourcePort, destinationPort, protocol } = after;
  const key = [literal(agent), literal(filters), `${literal(source)}::inet`, `${literal(destination)}::inet`];
  return `(last_ns < ${lastNs} OR (last_ns = ${lastNs}
    AND (${KEY}) > (${key.join(', ')}, ${sourcePort}, ${destinationPort}, ${protocol})))`;
}

export function foundFlow(row: PageRow): FoundFlow {
  const { agent, filters, source, destination, protocol } = row;
  return {
    ...{ agent, filters, source, destination, protocol, tcpFlags: row.tcp_flags },
    ...{ sourcePort: row.source_port, destinationPort: row.destination_port },
    ...{ firstNs: BigInt(row.first_ns), lastNs: BigInt(row.last_ns) },
    ...{ packets: Number(row.packets), bytes: Number(row.bytes) },
    ...{ estimatedPackets: Number(row.estimated_packets), estimatedBytes: Number(row.estimated_bytes) },
  };
}
