import { makeFolder } from '@bpfleet/service';
import { AgeLimit, type SpoolLimits } from './age-limit.js';
import { type Amount, type AmountsByEpoch, minus, noAmount, plus, sumOf } from './amount.js';
import { KeptMarks } from './kept-marks.js';
import { KnownSegments, SMALL_READ_BYTES } from './known-segments.js';
import { type KeptKeys, passedByKeys } from './lost-marks.js';
import { amountOf, type Batch, readBatch, type TakenSection } from './read-batch.js';
import type { RecordHeader } from './record-header.js';
import { ReusedMemory } from './reused-memory.js';
import type { SectionStore, StoreCounts, StoredSection } from './section-store.js';
import { FolderSegments, type SegmentFiles } from './segment-files.js';
import { SegmentRemoval } from './segment-removal.js';
import { type ScannedRecord, SegmentScan } from './segment-scan.js';
import { isBefore, type SpoolPlace } from './spool-folder.js';
import { advanced, type Marks, withEvicted, withHole } from './spool-marks.js';
import { type SpoolPace, usualPace } from './spool-pace.js';
import { SyncLoop } from './sync-loop.js';
import { Troubles } from './troubles.js';

/** For one read of headers, where many are wanted. */
const LARGE_READ_BYTES = 256 * 1024;

/**
 * The spool as the main thread sees it: the capture thread appends, here is read, synced, and deleted what is done. What
 * it keeps in memory is what is in flight, and a few numbers per segment.
 *
 * Over its limits it gives up the oldest sections that are not in flight. Those in flight may be in the log by now: they
 * count when their outcome is known, so that each section counts once, as sent or as given up.
 */
export class DiskSpool implements SectionStore {
  /** What may wait; over it the oldest is given up with the next look. */
  maxBytes: number;
  #kept = KeptMarks.inMemory();
  #passed = noAmount;
  #lostInMemory = noAmount;
  #lostInMemoryOf = 0;
  /** Of this process, and its epoch. */
  #inMemory = { amount: noAmount, epoch: 0 };
  #batch: Batch | undefined;
  #head: RecordHeader | undefined;
  #firstSegment = 0;
  #turn: Promise<unknown> = Promise.resolve();
  /** Of what is in flight. New memory for each send would be a full collection of garbage for each. */
  readonly #batchMemory = new ReusedMemory();
  readonly #ages: AgeLimit;
  readonly #scan: SegmentScan;
  readonly #known: KnownSegments;
  readonly #syncing: SyncLoop;
  readonly #removal: SegmentRemoval;
  readonly #troubles: Troubles;

  constructor(
    private readonly folder: string,
    limits: SpoolLimits,
    /** Which boot of the machine this is, and its CLOCK_BOOTTIME. */
    boot: number,
    bootNowMs: () => number,
    private readonly files: SegmentFiles = new FolderSegments(folder),
    pace: SpoolPace = usualPace,
  ) {
    this.#troubles = new Troubles(`the spool in ${folder}`);
    this.maxBytes = limits.maxBytes;
    this.#ages = new AgeLimit(limits.maxAgeMs, boot, bootNowMs);
    this.#scan = new SegmentScan(files);
    this.#known = new KnownSegments(files, this.#scan, this.#troubles);
    this.#syncing = new SyncLoop(
      files,
      (behind) => this.#known.unsafe(this.#marks, behind),
      (error) => this.#troubles.tried('making it safe', error),
      pace.syncAfterMs,
    );
    this.#removal = new SegmentRemoval(files, (error) => this.#troubles.tried('deleting what was sent', error), pace);
  }

  /**
   * Reads what is there: the good part is kept, the rest counted.
   * @param keys what tells how far it was sent where the marks do not
   */
  async open(keys: KeptKeys = { has: () => true, newest: 0 }): Promise<void> {
    await makeFolder(this.folder);
    await this.#keeping(async () => {
      this.#kept = await KeptMarks.open(this.folder);
    });
    const { done, evictedTo, seen } = this.#marks;
    const numbers = await this.files.list();
    this.#firstSegment = Math.max(evictedTo.segment, ...numbers) + 1;
    for (const number of numbers.filter((one) => one < done.segment)) this.#removal.add(number);
    let there = noAmount;
    for (const number of numbers.filter((one) => one >= done.segment)) {
      this.#known.scanOld(number, this.#marks, (record) => {
        const amount = this.#found(record);
        if (seen && isBefore({ segment: number, offset: record.start }, seen.end)) there = plus(there, amount);
      });
    }
    if (seen && seen.inMemory.sections > 0) {
      this.#lostInMemory = seen.inMemory;
      this.#lostInMemoryOf = seen.memoryEpoch;
      this.#commit(withEvicted(new Map([[seen.memoryEpoch, seen.inMemory]]), this.#marks));
    }
    if (seen) this.#scan.miss(minus(seen.waiting, there), seen, !isBefore(seen.end, this.#known.end));
    if (this.#kept.areNew) this.#pass(keys);
    this.#known.areOld();
    await this.#tidy();
  }

  /** Beside its segments. */
  foundDamaged(amount: Amount): void {
    this.#scan.lose(amount);
  }

  /** @param trouble why that file of the folder is memory of this process alone; undefined: it is not */
  mapped(name: string, trouble: Error | undefined): void {
    this.#troubles.tried(`mapping ${name}, which only a restart tries again`, trouble);
  }

  /** Whether a process before left an open section, for the one after it: a file of zeros does not tell. */
  get hadOpenSection(): boolean {
    return this.#kept.hadOpenSection;
  }
  set hadOpenSection(had: boolean) {
    this.#kept.hadOpenSection = had;
  }

  /**
   * So much of that epoch has only the memory of this process: the process after this one counts it as lost.
   * @param givenUp what that memory gave up since the last call, kept with what the disk did
   */
  alsoInMemory(amount: Amount, epoch: number, givenUp: AmountsByEpoch): void {
    this.#inMemory = { amount, epoch };
    this.#commit(givenUp.size > 0 ? withEvicted(givenUp, this.#marks) : this.#marks);
  }

  /** So much the process before had in its memory alone. */
  get lostInMemory(): Amount {
    return this.#lostInMemory;
  }

  /** What was given up of that epoch, from the disk or from memory; what was lost with the memory is none of it. */
  givenUpOf(epoch: number): Amount {
    const evicted = this.#marks.evictedOf.get(epoch) ?? noAmount;
    return epoch === this.#lostInMemoryOf ? minus(evicted, this.#lostInMemory) : evicted;
  }

  /** The first number that a new writer may take. */
  get firstSegment(): number {
    return this.#firstSegment;
  }

  /** The first that one may take which comes after the writer of this process. */
  get nextSegment(): number {
    return Math.max(this.#firstSegment, this.#known.end.segment + 1);
  }

  /** The newest record of an epoch, sent or not, as far as it is here: of the newest epochs. */
  lastOf(epoch: number): RecordHeader | undefined {
    return this.#scan.lastOf(epoch);
  }

  /** Of its last section, sent or not, as far as it is here: Unix ms; undefined: there is none. */
  get newestPacketAtMs(): number | undefined {
    return this.#scan.newestPacketAtMs;
  }

  /** Epochs that sections wait of. */
  get epochs(): ReadonlySet<number> {
    return this.#known.epochs;
  }

  get counts(): StoreCounts {
    const { evicted, evictedOf } = this.#marks;
    return { waiting: this.#known.waiting, evicted, evictedOf, damaged: this.#scan.damaged };
  }

  /** All that was ever acknowledged. */
  get sent(): Amount {
    return this.#marks.sent;
  }

  /** Taken for sent: how far that was is not known any more, and of those whose keys are gone a later one is there. */
  get passed(): Amount {
    return this.#passed;
  }

  /** What does not work now, for people. */
  get troubles(): readonly string[] {
    return this.#troubles.texts;
  }

  peek(): { readonly epoch: number; readonly seq: number } | undefined {
    return this.#head;
  }

  refresh(): Promise<void> {
    return this.#alone(async () => {
      this.#scanNew();
      this.#evict();
      await this.#tidy();
      this.#syncing.wake();
    });
  }

  /** How far it was sent, in a file again where somebody deleted that. */
  keepDeleted(): Promise<void> {
    return this.#alone(() => this.#keeping(() => this.#kept.keepDeleted(this.folder)));
  }

  take(maxBytes: number): Promise<readonly StoredSection[]> {
    return this.#alone(async () => {
      this.#batch = undefined;
      const batch = readBatch({
        maxBytes,
        memory: this.#batchMemory,
        walk: (room) => this.#known.walk(this.#marks, room),
        broken: ({ segment, end }, amount) => {
          this.#known.lose(segment, amount);
          this.#commit(advanced(this.#marks, end));
        },
      });
      this.#batch = batch;
      this.#head = batch?.sections[0]?.header;
      if (batch === undefined) this.#loseAll();
      return batch?.sections ?? [];
    });
  }

  acknowledge(): Promise<void> {
    return this.#finish((amounts, marks) => ({ ...marks, sent: plus(marks.sent, sumOf(amounts.values())) }));
  }

  giveUp(): Promise<void> {
    return this.#finish(withEvicted);
  }

  async close(): Promise<void> {
    await this.#alone(async () => {
      this.#scanNew();
      this.#note();
    }).catch(() => undefined);
    this.#syncing.wake();
    await this.#syncing.stop();
    this.files.close();
    await this.#kept.close();
  }

  get #marks(): Marks {
    return this.#kept.marks;
  }

  /** With what was found, which the process after this one compares with what it finds. */
  #commit(marks: Marks): void {
    const { epoch, seq } = this.#scan.newest ?? { epoch: 0, seq: 0 };
    const { amount: inMemory, epoch: memoryEpoch } = this.#inMemory;
    const found = { end: this.#known.end, waiting: this.#known.waiting, epoch, seq };
    this.#kept.commit({ ...marks, seen: { ...found, inMemory, memoryEpoch } });
  }

  #note(): void {
    if (this.#marks.seen?.waiting !== this.#known.waiting) this.#commit(this.#marks);
  }

  /** Calls that come meanwhile wait. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #keeping(work: () => Promise<void>): Promise<void> {
    const error = await work().catch((cause: Error) => cause);
    this.#troubles.tried('keeping how far it was sent', error ?? undefined);
  }

  #pass(keys: KeptKeys): void {
    const { end, sections } = passedByKeys(this.#headers(this.#marks.done, LARGE_READ_BYTES), keys);
    for (const { segment, amount } of sections) this.#known.leave(segment, amount);
    this.#passed = sumOf(sections.map(({ amount }) => amount));
    if (end === undefined) return;
    this.#head = undefined;
    this.#commit(advanced(this.#marks, end));
  }

  #scanNew(): void {
    if (this.#known.loseCut(this.#marks, this.#batch) && this.#batch === undefined) this.#head = undefined;
    this.#known.scanNew(this.#firstSegment, (record) => this.#found(record));
  }

  /** @returns what of it waits */
  #found(record: ScannedRecord): Amount {
    const isFirst = this.#known.waiting.sections === 0;
    const amount = this.#known.add(record, this.#marks);
    if (amount.sections === 0) return amount;
    if (isFirst) this.#head = record.header;
    this.#ages.saw(record.header);
    return amount;
  }

  #headers = (from: SpoolPlace, readBytes: number) => this.#known.walkHeaders(this.#marks, from, readBytes);

  #evict(): void {
    let excessBytes = this.#known.waiting.bytes - this.maxBytes;
    if (excessBytes <= 0 && !this.#ages.isTimeToLook()) return;
    const from = this.#batch?.end ?? this.#marks.done;
    const readBytes = Math.min(Math.max(excessBytes, SMALL_READ_BYTES), LARGE_READ_BYTES);
    const old: (Pick<TakenSection, 'header' | 'segment' | 'amount'> & { readonly end: SpoolPlace })[] = [];
    for (const walked of this.#headers(from, readBytes)) {
      const { segment, start, end, found } = walked;
      if (found.kind === 'damage') continue;
      // One hole behind what is in flight: it grows up to the one that is there.
      const joins = old.length > 0 && this.#batch !== undefined && isBefore(start, this.#marks.evictedFrom);
      if (!joins && excessBytes <= 0 && !this.#ages.isOver(found.header)) break;
      const amount = amountOf(walked, found.header);
      excessBytes -= amount.bytes;
      old.push({ header: found.header, segment, amount, end });
    }
    const end = old.at(-1)?.end;
    if (end === undefined) return;
    if (this.#batch === undefined) this.#head = undefined;
    const marks = withEvicted(this.#known.left(old), this.#marks);
    this.#commit(this.#batch ? withHole(marks, from, end) : advanced(marks, end));
  }

  #finish(outcome: (amounts: AmountsByEpoch, marks: Marks) => Marks): Promise<void> {
    return this.#alone(async () => {
      const batch = this.#batch;
      this.#batch = undefined;
      if (batch === undefined) return;
      this.#commit(advanced(outcome(this.#known.left(batch.sections), this.#marks), batch.end));
      this.#head = undefined;
      await this.#tidy();
    });
  }

  /** Sections were found before, and now there is none that can be read. */
  #loseAll(): void {
    if (!this.#known.loseAll()) return;
    this.#commit(advanced(this.#marks, this.#known.end));
    this.#head = undefined;
  }

  async #tidy(): Promise<void> {
    if (this.#known.waiting.sections > 0) this.#head ??= this.#next();
    else this.#head = undefined;
    await this.#removePassed();
    this.#note();
  }

  #next(): RecordHeader | undefined {
    for (const { found } of this.#headers(this.#marks.done, SMALL_READ_BYTES)) {
      if (found.kind !== 'damage') return found.header;
    }
    this.#loseAll();
    return undefined;
  }

  async #removePassed(): Promise<void> {
    for (const { number } of this.#known.forgetPassed(this.#marks)) this.#removal.add(number);
    await this.#removal.run(() => this.#kept.sync());
  }
}
