import { type Amount, minus, noAmount, plus } from './amount.js';
import { walkRecords } from './record.js';
import type { RecordHeader } from './record-header.js';
import { ReusedMemory } from './reused-memory.js';
import { isPassing, type SegmentFiles } from './segment-files.js';
import { markOf } from './segment-mark.js';

/** One segment as far as it was read. */
export interface ScannedSegment {
  readonly number: number;
  mark: number | undefined;
  end: number;
  /** Of its records. */
  readonly epochs: Set<number>;
  /** Records in it that are neither acknowledged nor given up. */
  waiting: Amount;
  /** Safe from a loss of power up to here. */
  syncedEnd: number;
}

export const newSegment = (number: number): ScannedSegment => ({
  ...{ number, mark: undefined, end: 0, epochs: new Set<number>(), waiting: noAmount, syncedEnd: 0 },
});

/** A record that was found whole, as far as its header says. */
export interface ScannedRecord {
  readonly segment: ScannedSegment;
  readonly start: number;
  readonly end: number;
  readonly header: RecordHeader;
}

type RecordId = Pick<RecordHeader, 'epoch' | 'seq'>;

/** For the header of a record: sections are not looked into. */
const READ_BYTES = 4096;
/** The last records of so many epochs, the newest, are remembered. */
const MAX_EPOCHS = 16;

/** Finds the records that were appended, without looking into their sections, and counts what is damaged. */
export class SegmentScan {
  readonly #lasts = new Map<number, RecordHeader>();
  readonly #memory = new ReusedMemory();
  /** By epoch and number. */
  #newest: RecordHeader | undefined;
  #damaged = noAmount;
  /** Behind the newest record, for all that is known: the next record tells whether they are missing. */
  #suspects = noAmount;
  /** The newest of them, where it was found before. */
  #newestSuspect: RecordId | undefined;

  constructor(private readonly files: Pick<SegmentFiles, 'sizeOf' | 'read'>) {}

  get damaged(): Amount {
    return plus(this.#damaged, this.#suspects);
  }

  get newest(): RecordId | undefined {
    return this.#newest;
  }

  get newestPacketAtMs(): number | undefined {
    const newest = [...this.#lasts.values()].reduce((most, { tsMaxNs }) => (tsMaxNs > most ? tsMaxNs : most), 0n);
    return newest > 0n ? Number(newest / 1_000_000n) : undefined;
  }

  lastOf(epoch: number): RecordHeader | undefined {
    return this.#lasts.get(epoch);
  }

  /** What comes next does not follow what came before. */
  interrupt(): void {
    this.#newest = undefined;
  }

  /** Something that was found before turned out to be unreadable. */
  lose(amount: Amount): void {
    this.#damaged = plus(this.#damaged, amount);
  }

  /**
   * So much was found by the process before and is not there any more.
   * @param newest that it found: up to that one a section that was left open may be written anew
   * @param isAll nothing came after that: what records tell beyond it was sent, or was damaged then and counted. Otherwise
   * some of it they have told already.
   */
  miss(amount: Amount, newest: RecordId, isAll: boolean): void {
    if (isAll) {
      this.#damaged = { ...noAmount, bytes: this.#damaged.bytes };
      this.#suspects = noAmount;
    }
    const { sections, packets } = minus(amount, this.#damaged);
    if (sections <= 0) return;
    this.#suspects = { sections: Math.max(this.#suspects.sections, sections), packets: Math.max(0, packets), bytes: 0 };
    this.#newestSuspect = newest;
  }

  /**
   * Reads on where the last call ended.
   * @param isEnd nobody appends to the segment any more
   */
  scan(segment: ScannedSegment, isEnd: boolean, found: (record: ScannedRecord) => void): void {
    const size = this.files.sizeOf(segment.number) ?? 0;
    let needsBytes = READ_BYTES;
    for (let left = size - segment.end; left > 0; left = size - segment.end) {
      const wanted = Math.min(needsBytes, left);
      segment.mark ??= markOf((from, lengthBytes) => this.#read(segment.number, from, lengthBytes), size, isEnd);
      const bytes = this.#read(segment.number, segment.end, wanted);
      if (bytes.length === 0 || segment.mark === undefined) {
        if (isEnd) this.#skip(segment, size);
        return;
      }
      const before = segment.end;
      const needed = this.#walk(segment, bytes, size, isEnd && bytes.length === left, found);
      // The file got shorter meanwhile, or a record is not all there yet.
      if (bytes.length < wanted || (segment.end === before && needed > left && !isEnd)) return;
      needsBytes = segment.end === before ? needed : READ_BYTES;
    }
  }

  /** Reads on in the newest segment, and in those that came after it. @param first the number of the first that comes */
  follow(segments: ScannedSegment[], first: number, found: (record: ScannedRecord) => void): void {
    for (;;) {
      const newest = segments.at(-1);
      const next = (newest?.number ?? first - 1) + 1;
      const isFollowed = this.#isFollowed(next);
      // The writer went on to a next one: what this one has is all that it will ever have.
      if (newest) this.scan(newest, isFollowed, found);
      if (!isFollowed) return;
      segments.push(newSegment(next));
    }
  }

  /**
   * Whether a segment with a record comes, from that number on. Where one has none, the writer has just made it, or it is
   * a file of somebody else, behind which the writer goes on; and one file may be deleted by whomever.
   */
  #isFollowed(next: number): boolean {
    for (let number = next, missing = 0; missing < 2; number++) {
      const size = this.files.sizeOf(number);
      if (size === undefined) missing++;
      else if (markOf((from, lengthBytes) => this.#read(number, from, lengthBytes), size, false) !== undefined)
        return true;
    }
    return false;
  }

  /** Nothing of the rest is a record. */
  #skip(segment: ScannedSegment, size: number): void {
    this.#damage(size - segment.end, 0);
    segment.end = size;
  }

  /** @returns how many bytes are needed to tell what comes next */
  #walk(
    segment: ScannedSegment,
    bytes: Buffer,
    size: number,
    isEnd: boolean,
    tell: (record: ScannedRecord) => void,
  ): number {
    const from = segment.end;
    const take = (header: RecordHeader, start: number, end: number): void => {
      segment.end = from + end;
      segment.epochs.add(header.epoch);
      this.#follows(header);
      tell({ segment, start: from + start, end: from + end, header });
    };
    for (const found of walkRecords(bytes, segment.mark!, { isEnd, checkSections: false })) {
      if (found.kind === 'cut') {
        const end = found.start + found.needsBytes;
        if (found.header === undefined || from + end > size) return found.needsBytes;
        take(found.header, found.start, end);
      } else if (found.kind === 'damage') {
        segment.end = from + found.end;
        this.#damage(found.end - found.start, found.sections);
      } else take(found.header, found.start, found.end);
    }
    return READ_BYTES;
  }

  #damage(bytes: number, suspects: number): void {
    this.lose({ ...noAmount, bytes });
    this.#suspects = plus(this.#suspects, { ...noAmount, sections: suspects });
  }

  #follows(header: RecordHeader): void {
    const [told, suspects] = [this.#missingBefore(header), this.#suspectsBefore(header)];
    const most = (of: 'sections' | 'packets'): number => Math.max(0, told[of], suspects[of]);
    this.lose({ sections: most('sections'), packets: most('packets'), bytes: 0 });
    this.#suspects = noAmount;
    this.#newestSuspect = undefined;
    const last = this.#newestOf(header);
    if (this.#newest === undefined || last.epoch >= this.#newest.epoch) this.#newest = last;
    this.#lasts.delete(last.epoch);
    this.#lasts.set(last.epoch, last);
    if (this.#lasts.size > MAX_EPOCHS) this.#lasts.delete(this.#lasts.keys().next().value!);
  }

  /** A section that waited in memory stands behind later ones. */
  #newestOf(header: RecordHeader): RecordHeader {
    const last = this.#lasts.get(header.epoch);
    return last && last.seq > header.seq ? { ...last, spooled: header.spooled } : header;
  }

  /** Records of one epoch are numbered without gaps: what is missing before this one was damaged, or a file is gone. */
  #missingBefore({ epoch, spooled, packets }: RecordHeader): Amount {
    const before = this.#newest;
    if (before?.epoch !== epoch) return noAmount;
    const sections = spooled.sections - before.spooled.sections - 1;
    return sections > 0
      ? { sections, packets: spooled.packets - before.spooled.packets - packets, bytes: 0 }
      : noAmount;
  }

  #suspectsBefore({ epoch, seq, packets }: RecordHeader): Amount {
    const newest = this.#newestSuspect;
    if (newest === undefined) return this.#newest?.epoch === epoch ? noAmount : this.#suspects;
    const isAnew = epoch === newest.epoch && seq <= newest.seq;
    return isAnew ? minus(this.#suspects, { sections: 1, packets, bytes: 0 }) : this.#suspects;
  }

  /** Less than was asked for when the file got shorter, or nothing when it cannot be read. */
  #read(segment: number, from: number, lengthBytes: number): Buffer {
    const memory = this.#memory.of(lengthBytes);
    try {
      return memory.subarray(0, this.files.read(segment, memory, from));
    } catch (error) {
      if (isPassing(error)) throw error;
      return memory.subarray(0, 0);
    }
  }
}
