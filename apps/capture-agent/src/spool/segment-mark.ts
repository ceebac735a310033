import { headAt, MAX_SPOOL_RECORD_BYTES, markFromEnd, neededBytes } from './record.js';
import { SEGMENT_BYTES } from './spool-folder.js';

/** Enough for most headers. */
const READ_BYTES = 4096;
/** A file of something else may be of any size. */
const MAX_SEGMENT_BYTES = SEGMENT_BYTES + MAX_SPOOL_RECORD_BYTES;

/** Less than was asked for where the segment ends. What it gave before need not stay. */
export type ReadSegment = (from: number, lengthBytes: number) => Buffer;

/**
 * The mark of a segment: that of two of its first records, whose places are known by the lengths of those before. Where
 * damage comes too early for that, that of the records which end with the segment, else of the first. Never that of any
 * other place: there it may be a packet's.
 * @param isEnd nobody appends to the segment any more: its end is that of its last record
 */
export function markOf(read: ReadSegment, sizeBytes: number, isEnd: boolean): number | undefined {
  const marks: number[] = [];
  for (let at = 0; at < sizeBytes; ) {
    const head = readHead(read, at);
    if (head === undefined) break;
    if (marks.includes(head.mark)) return head.mark;
    marks.push(head.mark);
    at += head.end;
  }
  const from = Math.max(0, sizeBytes - MAX_SEGMENT_BYTES);
  return (isEnd ? markFromEnd(read(from, sizeBytes - from)) : undefined) ?? marks[0];
}

/** Of a segment that is in memory, and has ended. */
export const markIn = (segment: Buffer): number | undefined =>
  markOf((from, lengthBytes) => segment.subarray(from, from + lengthBytes), segment.length, true);

function readHead(read: ReadSegment, at: number) {
  let bytes = read(at, READ_BYTES);
  if (headAt(bytes, 0) === 'too short') bytes = read(at, neededBytes(bytes, 0));
  const head = headAt(bytes, 0);
  return typeof head === 'object' ? head : undefined;
}
