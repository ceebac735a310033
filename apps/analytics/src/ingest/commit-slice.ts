import type { ReceivedRecord } from '@bpfleet/bus';

/** What goes into one transaction at most; one record always fits. */
export interface CommitLimits {
  readonly records: number;
  readonly bytes: number;
}

/**
 * The records from `start` on that go into one transaction: consecutive offsets only, readable, within the limits.
 * @returns the index behind the last one
 */
export function commitSliceEnd(records: readonly ReceivedRecord[], start: number, limits: CommitLimits): number {
  let end = start;
  for (let bytes = 0; end < records.length && end - start < limits.records; end++) {
    const record = records[end]!;
    bytes += record.value.length;
    const isNext = end === start || (record.offset === records[end - 1]!.offset + 1n && bytes <= limits.bytes);
    if (!isNext || record.unreadable !== undefined) break;
  }
  return end;
}
