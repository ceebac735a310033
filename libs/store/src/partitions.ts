import type pg from 'pg';

const PARTITIONED_TABLES = ['section', 'flow'] as const;
const HOUR_MS = 3_600_000;

/**
 * Makes the partitions of the running hour and the next ones, where they are missing. Called at start and every few
 * minutes; several processes may do so at once.
 * A partition is made as a table of its own and then attached: unlike CREATE TABLE … PARTITION OF, that does not lock
 * out readers and writers of the other partitions.
 */
export async function ensurePartitions(pool: pg.Pool, hoursAhead = 2): Promise<void> {
  const client = await pool.connect();
  let failure: Error | undefined;
  try {
    await client.query('BEGIN');
    await client.query("SELECT pg_advisory_xact_lock(hashtext('bpfleet-partitions'))");
    const { rows } = await client.query<{ now: Date; existing: string[] }>(EXISTING);
    const { now, existing } = rows[0]!;
    const firstHourMs = Math.floor(now.getTime() / HOUR_MS) * HOUR_MS;
    for (let hour = 0; hour <= hoursAhead; hour++) {
      const hourMs = firstHourMs + hour * HOUR_MS;
      for (const table of PARTITIONED_TABLES) {
        if (!existing.includes(partitionName(table, hourMs))) await client.query(createPartition(table, hourMs));
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

/** `section_2026112213`: the hour in UTC. */
function partitionName(table: string, hourMs: number): string {
  return `${table}_${new Date(hourMs).toISOString().slice(0, 13).replace(/\D/g, '')}`;
}

const EXISTING = `
  SELECT now() AS now, array(
    SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('analytics.section'::regclass, 'analytics.flow'::regclass)
  ) AS existing`;

function createPartition(table: string, hourMs: number): string {
  const name = partitionName(table, hourMs);
  const [from, to] = [hourMs, hourMs + HOUR_MS].map((ms) => `'${new Date(ms).toISOString()}'`);
  return `
    CREATE TABLE analytics.${name} (LIKE analytics.${table} INCLUDING DEFAULTS INCLUDING STORAGE);
    ALTER TABLE analytics.${table} ATTACH PARTITION analytics.${name} FOR VALUES FROM (${from}) TO (${to});`;
}
