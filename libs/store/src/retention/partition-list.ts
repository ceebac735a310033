import type pg from 'pg';
import { type PartitionedClass, partitionBeginMs, partitionedTables } from '../partitions/partitioned-tables.js';

/** One partition as it is now. Times are of ingest. */
export interface Partition {
  readonly name: string;
  readonly table: string;
  readonly class: PartitionedClass;
  readonly beginMs: number;
  /** Exclusive. */
  readonly endMs: number;
  /** With its indexes and what is kept out of line. */
  readonly bytes: number;
  /** As Postgres counts them: about. */
  readonly rows: number;
  /** Nothing was ever stored in it. */
  readonly isEmpty: boolean;
}

/** All partitions that are attached, the oldest first, and Postgres's clock. */
export async function listPartitions(
  client: Pick<pg.ClientBase, 'query'>,
): Promise<{ readonly nowMs: number; readonly partitions: readonly Partition[] }> {
  const { rows } = await client.query<{
    now: Date;
    name: string;
    parent: string;
    bytes: string;
    rows: string;
    is_empty: boolean;
  }>(LIST);
  const partitions = rows.flatMap(({ name, parent, bytes, rows: count, is_empty }) => {
    const table = partitionedTables.find((one) => one.table === parent);
    const beginMs = table && partitionBeginMs(table, name);
    if (beginMs === undefined) return [];
    const span = { beginMs, endMs: beginMs + table!.spanMs };
    return [{ ...table!, name, ...span, bytes: Number(bytes), rows: Number(count), isEmpty: is_empty }];
  });
  const now = rows[0]?.now ?? (await client.query<{ now: Date }>('SELECT now() AS now')).rows[0]!.now;
  return { nowMs: now.getTime(), partitions: partitions.sort((a, b) => a.beginMs - b.beginMs) };
}

// A partition that goes at this moment has no size any more.
const LIST = `
  SELECT now() AS now, c.relname AS name, p.relname AS parent, COALESCE(pg_total_relation_size(c.oid), 0) AS bytes,
    COALESCE(pg_relation_size(c.oid), 0) = 0 AS is_empty,
    COALESCE(pg_stat_get_live_tuples(c.oid), 0) AS rows
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
  WHERE p.relnamespace = 'analytics'::regnamespace AND p.relkind = 'p' AND NOT i.inhdetachpending`;
