import type pg from 'pg';
import { storeError } from '../store-error.js';

/** Where a partition of a log ends, told by the process that reads it: for whoever asks how far behind the store is. */
export async function noteLogEnd(pool: pg.Pool, logId: string, partition: number, end: bigint): Promise<void> {
  try {
    await pool.query(
      `INSERT INTO analytics.log_end (log, partition, end_offset) VALUES ($1, $2, $3)
       ON CONFLICT (log, partition) DO UPDATE SET end_offset = excluded.end_offset, measured_at = now()`,
      [logId, partition, end],
    );
  } catch (error) {
    throw storeError(error);
  }
}
