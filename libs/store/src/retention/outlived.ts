import type { Partition } from './partition-list.js';

/** What a class is kept within. */
export interface Limits {
  /** Since ingest. */
  readonly hours: number;
  /** Of all its partitions. */
  readonly bytes: number;
}

export interface Outlived {
  readonly partition: Partition;
  readonly reason: 'age' | 'size';
}

/** Still written to: by a transaction that began before the hour was over. */
const WRITTEN_FOR_MS = 3_600_000;
const HOUR_MS = 3_600_000;

/**
 * The partitions of one class that are to go, the oldest first. Never the one that is written to, however large it is.
 * @param partitions of the class, the oldest first
 * @param most not more than this at a time: who sees that a limit or a clock is wrong can still stop it
 */
export function outlived(partitions: readonly Partition[], limits: Limits, nowMs: number, most: number): Outlived[] {
  let bytes = partitions.reduce((sum, partition) => sum + partition.bytes, 0);
  const going: Outlived[] = [];
  for (const partition of partitions) {
    if (going.length === most || partition.endMs + WRITTEN_FOR_MS > nowMs) break;
    const isTooOld = partition.endMs <= nowMs - limits.hours * HOUR_MS;
    if (!isTooOld && bytes <= limits.bytes) break;
    going.push({ partition, reason: isTooOld ? 'age' : 'size' });
    bytes -= partition.bytes;
  }
  return going;
}
