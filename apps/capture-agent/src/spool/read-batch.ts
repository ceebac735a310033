import type { Amount } from './amount.js';
import type { RecordHeader } from './record-header.js';
import type { ReusedMemory } from './reused-memory.js';
import type { StoredSection } from './section-store.js';
import type { ScannedSegment } from './segment-scan.js';
import type { SpoolPlace } from './spool-folder.js';
import type { Room, Walked } from './walk-spool.js';

export interface TakenSection extends StoredSection {
  readonly segment: ScannedSegment;
  readonly amount: Amount;
}

/** Sections one behind the other, from the first that is not done up to `end`. */
export interface Batch {
  readonly end: SpoolPlace;
  readonly sections: readonly TakenSection[];
}

export interface BatchRequest {
  /** Of records; a larger one goes alone. */
  readonly maxBytes: number;
  /** From the first section that is not done. */
  readonly walk: (room: Room) => Iterable<Walked<ScannedSegment>>;
  /** Where they are read into: what was there before is overwritten. */
  readonly memory: ReusedMemory;
  /** The first one is not what its header says. */
  readonly broken: (walked: Walked<ScannedSegment>, amount: Amount) => void;
}

/**
 * Reads the sections that come next, by one read that finds any: of one segment, and not across what was given up behind
 * those that were in flight before; that must not be done before they are.
 * @returns undefined when none can be read, up to the end of what is known
 */
export function readBatch({ maxBytes, walk, memory, broken }: BatchRequest): Batch | undefined {
  const sections: TakenSection[] = [];
  let bytes = 0;
  let end: SpoolPlace | undefined;
  const room: Room = (needsBytes, leftBytes) =>
    sections.length === 0 ? memory.of(Math.max(needsBytes, Math.min(leftBytes, maxBytes))) : undefined;
  for (const walked of walk(room)) {
    const { found, segment } = walked;
    if (found.kind === 'damage') continue;
    const amount = amountOf(walked, found.header);
    if (found.kind === 'broken') {
      if (sections.length > 0) break;
      broken(walked, amount);
      continue;
    }
    if (sections.length > 0 && bytes + amount.bytes > maxBytes) break;
    sections.push({ header: found.header, bytes: found.section, segment, amount });
    bytes += amount.bytes;
    end = walked.end;
  }
  return end && { end, sections };
}

/** What one record counts. */
export const amountOf = ({ start, end }: Walked<ScannedSegment>, { packets }: RecordHeader): Amount => ({
  sections: 1,
  packets,
  bytes: end.offset - start.offset,
});
