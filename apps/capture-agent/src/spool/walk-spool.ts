import { type Found, walkRecords } from './record.js';
import { isPassing, type SegmentFiles } from './segment-files.js';
import { isBefore, type SpoolPlace } from './spool-folder.js';

export interface KnownSegment {
  readonly number: number;
  /** How far its records are known. */
  readonly end: number;
  /** Undefined when nothing in it is a record. */
  readonly mark: number | undefined;
}

/**
 * Gives memory to read into: at least `needsBytes`, and not more than `leftBytes` if that is more; undefined ends the walk.
 * What was found before stays valid while its memory is not given again.
 */
export type Room = (needsBytes: number, leftBytes: number) => Buffer | undefined;

export interface SpoolWalk {
  readonly from: SpoolPlace;
  /** Left out: what lies between was given up. */
  readonly holeFrom: SpoolPlace;
  readonly holeTo: SpoolPlace;
  /** Whether sections are compared with their checksums. */
  readonly checkSections: boolean;
  readonly room: Room;
  /** A segment cannot be read from there on. */
  unreadable(segment: number, offset: number): void;
}

export interface Walked<Segment> {
  readonly segment: Segment;
  readonly start: SpoolPlace;
  readonly end: SpoolPlace;
  readonly found: Exclude<Found, { readonly kind: 'cut' }>;
}

/** Less is not worth a read. */
const SMALLEST_READ_BYTES = 4096;

/** Visits the records of the segments in order. What is damaged is told, not thrown. */
export function* walkSpool<Segment extends KnownSegment>(
  files: Pick<SegmentFiles, 'read'>,
  segments: readonly Segment[],
  walk: SpoolWalk,
): Generator<Walked<Segment>> {
  for (const segment of segments) {
    if (segment.number < walk.from.segment || segment.mark === undefined) continue;
    let at = segment.number === walk.from.segment ? walk.from.offset : 0;
    let needsBytes = SMALLEST_READ_BYTES;
    for (;;) {
      at = behindHole(segment.number, at, walk);
      const limit = limitOf(segment, at, walk);
      if (at >= limit) break;
      const room = walk.room(needsBytes, limit - at);
      if (room === undefined) return;
      const bytes = read(files, segment.number, at, room.subarray(0, limit - at));
      // Shorter than it was known to be, or not readable: nothing of the rest will come.
      if (bytes.length < Math.min(room.length, limit - at)) walk.unreadable(segment.number, at + bytes.length);
      if (bytes.length === 0) break;
      const isEnd = at + bytes.length === limit || bytes.length < room.length;
      let next = at;
      needsBytes = SMALLEST_READ_BYTES;
      for (const found of walkRecords(bytes, segment.mark, { isEnd, checkSections: walk.checkSections })) {
        if (found.kind === 'cut') {
          needsBytes = Math.max(found.needsBytes, SMALLEST_READ_BYTES);
          break;
        }
        const place = (offset: number): SpoolPlace => ({ segment: segment.number, offset: at + offset });
        yield { segment, start: place(found.start), end: place(found.end), found };
        next = at + found.end;
      }
      at = next;
    }
  }
}

/** Where to go on when a place is in the hole. */
function behindHole(segment: number, offset: number, { holeFrom, holeTo }: SpoolWalk): number {
  const place = { segment, offset };
  if (isBefore(place, holeFrom) || !isBefore(place, holeTo)) return offset;
  return segment === holeTo.segment ? holeTo.offset : Number.POSITIVE_INFINITY;
}

function limitOf({ number, end }: KnownSegment, at: number, { holeFrom, holeTo }: SpoolWalk): number {
  const holeIsAhead = number === holeFrom.segment && at < holeFrom.offset && isBefore(holeFrom, holeTo);
  return holeIsAhead ? Math.min(end, holeFrom.offset) : end;
}

/** As much as there is; nothing when it cannot be read. */
function read(files: Pick<SegmentFiles, 'read'>, segment: number, offset: number, into: Buffer): Buffer {
  try {
    return into.subarray(0, files.read(segment, into, offset));
  } catch (error) {
    if (isPassing(error)) throw error;
    return into.subarray(0, 0);
  }
}
