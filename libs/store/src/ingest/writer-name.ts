import { createHash } from 'node:crypto';

/**
 * The `application_name` of a transaction that writes one partition of one log. By it the next owner finds a
 * transaction of the one before that hangs, and ends it.
 */
export function writerName(logId: string, partition: number): string {
  // 63 bytes at most (NAMEDATALEN - 1), and safe in a statement without quoting.
  return `bpfleet-ingest-${createHash('sha256').update(logId).digest('hex').slice(0, 16)}-${partition}`;
}
