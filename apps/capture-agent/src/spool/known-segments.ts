import { type Amount, type AmountsByEpoch, addTo, minus, noAmount, plus, sumOf } from './amount.js';
import { amountOf, type Batch, type TakenSection } from './read-batch.js';
import { ReusedMemory } from './reused-memory.js';
import type { SegmentFiles } from './segment-files.js';
import { newSegment, type ScannedRecord, type ScannedSegment, type SegmentScan } from './segment-scan.js';
import { isBefore, type SpoolPlace } from './spool-folder.js';
import { isDone, type Marks } from './spool-marks.js';
import type { Troubles } from './troubles.js';
import { type Room, type SpoolWalk, type Walked, walkSpool } from './walk-spool.js';

/** For one read of headers, where few are wanted. */
export const SMALL_READ_BYTES = 16 * 1024;

/**
 * The segments of a spool as far as they were read, and what waits in them. What it keeps in memory does not grow with
 * what waits on the disk: a few numbers per segment.
 */
export class KnownSegments {
  #segments: ScannedSegment[] = [];
  #waiting = noAmount;
  /** Segments that may be shorter than they were: the newest, and those that ended too soon when they were read. */
  readonly #shortened = new Set<number>();
  readonly #memory = new ReusedMemory();

  constructor(
    private readonly files: SegmentFiles,
    private readonly scan: SegmentScan,
    private readonly troubles: Troubles,
  ) {}

  /** Neither done nor damaged. */
  get waiting(): Amount {
    return this.#waiting;
  }

  /** Epochs that sections wait of. */
  get epochs(): ReadonlySet<number> {
    return new Set(this.#segments.flatMap(({ waiting, epochs }) => (waiting.sections > 0 ? [...epochs] : [])));
  }

  /** Of what is known. */
  get end(): SpoolPlace {
    const { number: segment, end: offset } = this.#segments.at(-1) ?? { number: 0, end: 0 };
    return { segment, offset };
  }

  /** Reads a segment of a process that has ended; in order. */
  scanOld(number: number, { evictedFrom, evictedTo }: Marks, found: (record: ScannedRecord) => void): void {
    const before = this.#segments.at(-1)?.number ?? number;
    // What is missing in between was given up, and counted then.
    if (before < number - 1 && before < evictedTo.segment && number > evictedFrom.segment) this.scan.interrupt();
    const segment = newSegment(number);
    this.#segments.push(segment);
    this.scan.scan(segment, true, found);
  }

  /** Nobody writes to them any more, and the kernel had the time to write those before the newest. */
  areOld(): void {
    for (const segment of this.#segments.slice(0, -1)) segment.syncedEnd = segment.end;
  }

  /** Reads what was appended. @param first the number of the first segment that comes */
  scanNew(first: number, found: (record: ScannedRecord) => void): void {
    this.scan.follow(this.#segments, first, found);
  }

  /** @returns what of it waits */
  add({ segment, start, end, header }: ScannedRecord, marks: Marks): Amount {
    if (isDone(marks, { segment: segment.number, offset: start })) return noAmount;
    const amount = { sections: 1, packets: header.packets, bytes: end - start };
    segment.waiting = plus(segment.waiting, amount);
    this.#waiting = plus(this.#waiting, amount);
    return amount;
  }

  /** The records that wait, with what is damaged between them, and their sections compared with their checksums. */
  walk({ done, evictedFrom, evictedTo }: Marks, room: Room): Generator<Walked<ScannedSegment>> {
    return this.#walk({ from: done, holeFrom: evictedFrom, holeTo: evictedTo, checkSections: true, room });
  }

  /** The records from a place on, of which the sections may be damaged. */
  walkHeaders(
    { evictedFrom, evictedTo }: Marks,
    from: SpoolPlace,
    readBytes: number,
    segments?: readonly ScannedSegment[],
  ): Generator<Walked<ScannedSegment>> {
    const room: Room = (needsBytes, leftBytes) => this.#memory.of(Math.max(needsBytes, Math.min(leftBytes, readBytes)));
    return this.#walk({ from, holeFrom: evictedFrom, holeTo: evictedTo, checkSections: false, room }, segments);
  }

  #walk(walk: Omit<SpoolWalk, 'unreadable'>, segments = this.#segments as readonly ScannedSegment[]) {
    const unreadable = (segment: number, offset: number): void => {
      if ((this.files.sizeOf(segment) ?? Number.POSITIVE_INFINITY) <= offset) this.#shortened.add(segment);
      else
        this.troubles.tried(
          `reading ${segment}`,
          new Error(`segment ${segment} cannot be read from byte ${offset} on`),
        );
    };
    return walkSpool(this.files, segments, { ...walk, unreadable });
  }

  /** They wait no more. */
  left(sections: readonly Pick<TakenSection, 'header' | 'segment' | 'amount'>[]): AmountsByEpoch {
    const amounts: AmountsByEpoch = new Map();
    for (const { header, segment, amount } of sections) {
      this.leave(segment, amount);
      addTo(amounts, header.epoch, amount);
    }
    return amounts;
  }

  leave(segment: ScannedSegment, amount: Amount): void {
    segment.waiting = minus(segment.waiting, amount);
    this.#waiting = minus(this.#waiting, amount);
  }

  lose(segment: ScannedSegment, amount: Amount): void {
    this.leave(segment, amount);
    this.scan.lose(amount);
  }

  /** Sections were found before, and now there is none that can be read. @returns whether there were any */
  loseAll(): boolean {
    if (this.#waiting.sections === 0) return false;
    for (const segment of this.#segments) this.lose(segment, segment.waiting);
    return true;
  }

  /**
   * Where somebody cut files short, what they no longer have is lost, but what was read before that and is in flight.
   * @returns whether any was
   */
  loseCut(marks: Marks, batch: Batch | undefined): boolean {
    const newest = this.#segments.at(-1);
    if (newest) this.#shortened.add(newest.number);
    const cut = this.#segments.filter((segment) => this.#shortened.has(segment.number) && this.#isCut(segment));
    for (const segment of cut) this.lose(segment, minus(segment.waiting, this.#leftOf(segment, marks, batch)));
    this.#shortened.clear();
    return cut.length > 0;
  }

  #isCut(segment: ScannedSegment): boolean {
    const sizeBytes = this.files.sizeOf(segment.number);
    if (sizeBytes === undefined || sizeBytes >= segment.end) return false;
    segment.end = sizeBytes;
    return true;
  }

  #leftOf(segment: ScannedSegment, marks: Marks, batch: Batch | undefined): Amount {
    const inFlight = batch?.sections.filter((section) => section.segment === segment) ?? [];
    let left = sumOf(inFlight.map(({ amount }) => amount));
    for (const walked of this.walkHeaders(marks, batch?.end ?? marks.done, SMALL_READ_BYTES, [segment])) {
      if (walked.found.kind !== 'damage') left = plus(left, amountOf(walked, walked.found.header));
    }
    return left;
  }

  /** Forgets segments that nothing waits in and nobody writes to. What they had and could not be read by now is lost. */
  forgetPassed({ done, evictedFrom, evictedTo }: Marks): readonly ScannedSegment[] {
    const isPassed = ({ number }: ScannedSegment): boolean =>
      number < done.segment || (number > evictedFrom.segment && number < evictedTo.segment);
    const passed = this.#segments.filter(isPassed);
    for (const segment of passed) this.lose(segment, segment.waiting);
    if (passed.length > 0) this.#segments = this.#segments.filter((segment) => !isPassed(segment));
    return passed;
  }

  /** What a loss of power would take: the bus does not have it yet, and the disk may not. */
  unsafe({ done }: Marks, behind: number): ScannedSegment | undefined {
    return this.#segments.find(
      ({ number, end, syncedEnd }) =>
        number > behind && syncedEnd < end && isBefore(done, { segment: number, offset: end }),
    );
  }
}
