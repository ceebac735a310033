import type pg from 'pg';
import { type PartitionedTable, partitionedTables, partitionName } from './partitions/partitioned-tables.js';

const HOUR_MS = 3_600_000;

/**
 * Makes the partitions of the running hour and the next ones, where they are missing. Called at start and every minute;
 * several processes may do so at once.
 * A partition is made as a table of its own and then attached: unlike CREATE TABLE … PARTITION OF, that does not lock
 * out readers and writers of the other partitions.
 */
export async function ensurePartitions(pool: pg.Pool, hoursAhead = 2): Promise<void> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    // Longer than a partition that is being detached holds up an ATTACH: see retention/drop-partition.ts.
    await client.query("BEGIN; SET LOCAL lock_timeout = '15s'");
    await client.query("SELECT pg_advisory_xact_lock(hashtext('bpfleet-partitions'))");
    const { rows } = await client.query<{ now: Date; tables: string[]; existing: string[] }>(EXISTING);
    const { now, tables, existing } = rows[0]!;
    for (const partitioned of partitionedTables.filter(({ table }) => tables.includes(table))) {
      for (const beginMs of beginsMs(partitioned, now.getTime(), hoursAhead)) {
        const isThere = existing.includes(partitionName(partitioned, beginMs));
        if (!isThere) await client.query(createPartition(partitioned, beginMs));
      }
    }
    await client.query('COMMIT');
  } catch (error) {
    failure = error as Error;
    throw error;
  } finally {
    // A connection given back with an error is closed: that rolls back.
    client.release(failure);
  }
}

/** The begins of the partitions from now to some hours ahead. */
function beginsMs({ spanMs }: PartitionedTable, nowMs: number, hoursAhead: number): number[] {
  const firstMs = Math.floor(nowMs / spanMs) * spanMs;
  const count = 1 + Math.floor((nowMs + hoursAhead * HOUR_MS - firstMs) / spanMs);
  return Array.from({ length: count }, (_, index) => firstMs + index * spanMs);
}

const EXISTING = `
  SELECT now() AS now,
    array(SELECT relname::text FROM pg_class
      WHERE relnamespace = 'analytics'::regnamespace AND relkind = 'p') AS tables,
    array(SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE c.relnamespace = 'analytics'::regnamespace AND c.relkind = 'r') AS existing`;

function createPartition(partitioned: PartitionedTable, beginMs: number): string {
  const { table, spanMs } = partitioned;
  const name = partitionName(partitioned, beginMs);
  const [from, to] = [beginMs, beginMs + spanMs].map((ms) => `'${new Date(ms).toISOString()}'`);
  // What is there under this name is no partition any more: it was given up, and the clock went back to it.
  return `
    DROP TABLE IF EXISTS analytics.${name};
    CREATE TABLE analytics.${name} (LIKE analytics.${table} INCLUDING DEFAULTS INCLUDING STORAGE);
    ALTER TABLE analytics.${table} ATTACH PARTITION analytics.${name} FOR VALUES FROM (${from}) TO (${to});`;
}
