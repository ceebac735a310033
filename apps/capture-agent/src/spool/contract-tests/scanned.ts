import type { Amount } from '../amount.js';
import type { RecordHeader } from '../record-header.js';
import { newSegment, type ScannedSegment, SegmentScan } from '../segment-scan.js';

export interface Scanned {
  readonly found: readonly { readonly start: number; readonly end: number; readonly header: RecordHeader }[];
  readonly damaged: Amount;
  readonly segment: ScannedSegment;
}

/** What an agent that opens a spool finds in a segment of these bytes. */
export function scanned(bytes: Buffer): Scanned {
  const scan = new SegmentScan({
    sizeOf: () => bytes.length,
    read: (_, into, offset) => bytes.copy(into, 0, offset),
  });
  const segment = newSegment(1);
  const found: Scanned['found'][number][] = [];
  scan.scan(segment, true, (record) => found.push(record));
  return { found, damaged: scan.damaged, segment };
}
