import pg from 'pg';
import { clamp } from '../sections/section-query.js';
import { conditionSql, type FlowCondition, inetText } from './flow-condition.js';
import { directionsOf, type FlowRow } from './flow-row.js';

/** Which flows. Times at whole minutes, in Unix ns, `untilNs` not included. */
export interface FlowQuery {
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  readonly agent?: string | undefined;
  /** `web`, any version of it, or `web@3`. */
  readonly version?: string | undefined;
  /** Undefined: all. Asks only flows that are plain. */
  readonly condition?: FlowCondition | undefined;
}

export const literal = (text: string): string => pg.escapeLiteral(text.replaceAll('\0', ''));

/** On the columns `bucket_ns` or `first_ns`, `agent` and `filters`. */
export function scopeSql({ sinceNs, untilNs, agent, version }: FlowQuery, time: 'bucket_ns' | 'first_ns'): string {
  const parts = [`${time} >= ${clamp(sinceNs)} AND ${time} < ${clamp(untilNs)}`];
  if (agent !== undefined) parts.push(`agent = ${literal(agent)}`);
  if (version !== undefined) {
    parts.push(`EXISTS (SELECT FROM unnest(string_to_array(filters, ',')) AS v (name) WHERE ${isVersion(version)})`);
  }
  return parts.join(' AND ');
}

/** On a column `name`. */
export const isVersion = (version: string): string =>
  version.includes('@') ? `name = ${literal(version)}` : `starts_with(name, ${literal(`${version}@`)})`;

/**
 * How many packets one of the flow's stands for: by the version that is asked for, or else by the one that stored the most.
 * Of a packet that several versions stored the one with the smallest weight says most.
 */
export function weightSql(version: string | undefined): string {
  const ofVersion = version === undefined ? '' : `WHERE ${isVersion(version)}`;
  return `CASE WHEN weights = '' THEN 1 ELSE COALESCE((
    SELECT min(weight::bigint) FROM unnest(string_to_array(filters, ','), string_to_array(weights, ',')) AS v (name, weight)
    ${ofVersion}), 1) END`;
}

const COLUMNS = `first_ns, last_ns, bytes, packets, source_port, destination_port, protocol, tcp_flags, is_plain,
  agent, filters, weights, source, destination`;

/**
 * `WITH flows AS (…)`: directions of stored flows, and those given as parameters 1 to 14 (`pendingValues`).
 * @param hours ingest hours that they lie in, written out so that the planner leaves out the other partitions
 */
export function withFlows(query: FlowQuery, hours: readonly Date[]): string {
  const stored = hours.map(
    (hour) =>
      `(ingested_at >= '${hour.toISOString()}' AND ingested_at < '${new Date(hour.getTime() + 3_600_000).toISOString()}')`,
  );
  const scope = scopeSql(query, 'first_ns');
  return `WITH flows AS (
    SELECT ${COLUMNS} FROM analytics.flow_direction
    WHERE (${stored.length === 0 ? 'false' : stored.join(' OR ')}) AND ${scope} AND ${askedSql(query)}
    UNION ALL
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::integer[], $5::integer[], $6::integer[],
      $7::smallint[], $8::smallint[], $9::boolean[], $10::text[], $11::text[], $12::text[], $13::inet[], $14::inet[])
      AS pending (${COLUMNS})
    WHERE ${scope} AND ${askedSql(query)}
  )`;
}

const askedSql = ({ condition }: FlowQuery): string =>
  condition === undefined ? 'true' : `is_plain AND ${conditionSql(condition)}`;

/** Flows that no table has yet, as parameters of `withFlows`. */
export function pendingValues(pending: readonly FlowRow[]): unknown[] {
  const flows = pending.flatMap(directionsOf);
  const port = (value: number) => (value < 0 ? null : value);
  return [
    flows.map(({ firstNs }) => firstNs),
    flows.map(({ lastNs }) => lastNs),
    flows.map(({ bytes }) => bytes),
    flows.map(({ packets }) => packets),
    flows.map(({ sourcePort }) => port(sourcePort)),
    flows.map(({ destinationPort }) => port(destinationPort)),
    flows.map(({ protocol }) => protocol),
    flows.map(({ tcpFlags }) => tcpFlags),
    flows.map(({ isPlain }) => isPlain),
    flows.map(({ agent }) => agent),
    flows.map(({ filters }) => filters),
    flows.map(({ weights }) => weights),
    flows.map(({ source }) => inetText(source)),
    flows.map(({ destination }) => inetText(destination)),
  ];
}
