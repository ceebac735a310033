import type pg from 'pg';
import type { HeldPosition } from '../rows.js';
import { type FlowBucket, HOUR_NS } from './flow-row.js';

/** Notes that flows of these hours of packet time came now. */
export async function noteHours(
  client: pg.ClientBase,
  { partition }: HeldPosition,
  buckets: readonly FlowBucket[],
): Promise<void> {
  if (buckets.length === 0) return;
  const hours = new Set(buckets.map(({ bucketNs }) => bucketNs - (bucketNs % HOUR_NS)));
  await client.query(
    `INSERT INTO analytics.flow_hours (ingest_hour, partition, hour_ns)
     SELECT date_trunc('hour', now(), 'UTC'), $1, * FROM unnest($2::bigint[]) ON CONFLICT DO NOTHING`,
    [partition, [...hours]],
  );
}
