import { type FileHandle, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { MappedFile } from '@bpfleet/linux';
import { makeFolder } from '@bpfleet/service';
import { countWithin } from './memory-store.js';
import { markOf, walkRecords } from './record.js';
import type { RecordHeader } from './record-header.js';
import type { SectionStore, StoreCounts, StoredSection } from './section-store.js';
import { isBefore, type SpoolPlace, segmentFile, segmentOf } from './spool-folder.js';
import { MARKS_BYTES, MARKS_FILE, type Marks, SpoolMarks } from './spool-marks.js';

export interface SpoolLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** One record, without its section. */
interface Entry {
  readonly segment: number;
  readonly start: number;
  readonly end: number;
  readonly header: RecordHeader;
}

interface OpenSegment {
  readonly number: number;
  readonly file: FileHandle;
  mark: number | undefined;
  /** Read up to here. */
  end: number;
  isSynced: boolean;
}

/** The spool as the main thread sees it: the capture thread appends, here is read, synced, and deleted what is done. */
export class DiskSpool implements SectionStore {
  readonly #entries: Entry[] = [];
  readonly #segments: OpenSegment[] = [];
  #inFlight = 0;
  #bytes = 0;
  readonly #damaged = { sections: 0, bytes: 0 };
  readonly #last = new Map<number, RecordHeader>();
  #marks!: SpoolMarks;
  #marksFile!: MappedFile;
  #firstSegment = 0;

  constructor(
    private readonly folder: string,
    private readonly limits: SpoolLimits,
    /** Which boot of the machine this is, and its CLOCK_BOOTTIME: ages across boots are not known. */
    private readonly boot: number,
    private readonly bootNowMs: () => number,
  ) {}

  /** Reads what is there: the good part is kept, the rest counted. */
  async open(): Promise<void> {
    await makeFolder(this.folder);
    this.#marksFile = MappedFile.open(join(this.folder, MARKS_FILE), MARKS_BYTES);
    this.#marks = new SpoolMarks(this.#marksFile.memory);
    const { done } = this.#marks.read();
    const found = (await readdir(this.folder)).map(segmentOf).filter((number) => number !== undefined);
    const numbers = found.sort((a, b) => a - b);
    for (const number of numbers.filter((one) => one < done.segment)) await unlink(segmentFile(this.folder, number));
    for (const number of numbers.filter((one) => one >= done.segment)) await this.#openSegment(number);
    this.#firstSegment = Math.max(done.segment, ...numbers) + 1;
    for (const segment of this.#segments) await this.#read(segment, true);
  }

  /** The first number that a new writer may take. */
  get firstSegment(): number {
    return this.#firstSegment;
  }

  /** The newest record of an epoch, sent or not, as far as it is here. */
  lastOf(epoch: number): RecordHeader | undefined {
    return this.#last.get(epoch);
  }

  /** Epochs that sections wait of. */
  get epochs(): ReadonlySet<number> {
    return new Set(this.#entries.map(({ header }) => header.epoch));
  }

  async refresh(): Promise<void> {
    await this.#readNew();
    this.#evict();
    await this.#deleteDone();
  }

  peek(): { readonly epoch: number; readonly seq: number } | undefined {
    return this.#entries[0]?.header;
  }

  async take(maxBytes: number): Promise<readonly StoredSection[]> {
    // Damage in the middle costs its own section only.
    while (this.#entries.length > 0) {
      this.#inFlight = countWithin(
        this.#entries.slice(0, MAX_BATCH).map(({ start, end }) => end - start),
        maxBytes,
      );
      const batch = this.#entries.slice(0, this.#inFlight);
      await this.#sync(batch);
      const read = await Promise.all(batch.map((entry) => this.#section(entry)));
      const broken = read.indexOf(undefined);
      if (broken < 0) return read as StoredSection[];
      this.#drop(broken);
    }
    this.#inFlight = 0;
    return [];
  }

  async acknowledge(): Promise<void> {
    const done = this.#entries.splice(0, this.#inFlight);
    this.#inFlight = 0;
    if (done.length === 0) return;
    for (const { start, end } of done) this.#bytes -= end - start;
    const marks = this.#marks.read();
    const { segment, end } = done.at(-1)!;
    // What was given up behind it is done as well.
    const isFollowed = isSame({ segment, offset: end }, marks.evictedFrom);
    const place = isFollowed ? marks.evictedTo : { segment, offset: end };
    this.#marks.write({ ...marks, sent: grown(marks.sent, done), done: place, evictedFrom: place, evictedTo: place });
    await this.#deleteDone();
  }

  get counts(): StoreCounts {
    const packets = this.#entries.reduce((sum, { header }) => sum + header.packets, 0);
    return {
      waiting: { sections: this.#entries.length, packets, bytes: this.#bytes },
      evicted: this.#marks.read().evicted,
      damaged: { ...this.#damaged },
    };
  }

  /** All that was ever acknowledged. */
  get sent(): Marks['sent'] {
    return this.#marks.read().sent;
  }

  async close(): Promise<void> {
    await Promise.all(this.#segments.map(({ file }) => file.close()));
    this.#segments.length = 0;
    this.#marksFile?.close();
  }

  async #openSegment(number: number): Promise<OpenSegment> {
    const file = await open(segmentFile(this.folder, number), 'r');
    const segment = { number, file, mark: undefined, end: 0, isSynced: false };
    this.#segments.push(segment);
    return segment;
  }

  async #readNew(): Promise<void> {
    for (;;) {
      const newest = this.#segments.at(-1);
      const before = newest?.end;
      if (newest) await this.#read(newest, false);
      // As long as it grows, the writer is still at it.
      if (newest && newest.end !== before) continue;
      const next = await this.#nextSegment((newest?.number ?? this.#firstSegment - 1) + 1);
      if (next === undefined) return;
      // The writer went on: what the one before has is all that it will ever have.
      if (newest) await this.#read(newest, true);
      await this.#openSegment(next);
    }
  }

  /** The writer leaves out numbers whose file it could not make. */
  async #nextSegment(atLeast: number): Promise<number | undefined> {
    const numbers = (await readdir(this.folder)).map(segmentOf).filter((one) => one !== undefined && one >= atLeast);
    return numbers.length === 0 ? undefined : Math.min(...(numbers as number[]));
  }

  async #read(segment: OpenSegment, isEnd: boolean): Promise<void> {
    const { size } = await segment.file.stat();
    if (size <= segment.end) return;
    const start = segment.end;
    const bytes = Buffer.allocUnsafe(size - start);
    const { bytesRead } = await segment.file.read(bytes, 0, bytes.length, start);
    const present = bytes.subarray(0, bytesRead);
    segment.mark ??= markOf(present);
    if (segment.mark === undefined) {
      if (isEnd) this.#damage(segment, bytesRead, 0);
      return;
    }
    for (const found of walkRecords(present, segment.mark, { isEnd, checkSections: false })) {
      if (found.kind === 'cut') return;
      if (found.kind === 'damage') this.#damage(segment, found.end - found.start, found.sections);
      else
        this.#add({
          segment: segment.number,
          start: start + found.start,
          end: start + found.end,
          header: found.header,
        });
      segment.end = start + found.end;
      segment.isSynced = false;
    }
  }

  #damage(segment: OpenSegment, bytes: number, sections: number): void {
    segment.end += bytes;
    this.#damaged.bytes += bytes;
    this.#damaged.sections += sections;
  }

  #add(entry: Entry): void {
    const last = this.#last.get(entry.header.epoch);
    if (last === undefined || entry.header.seq > last.seq) this.#last.set(entry.header.epoch, entry.header);
    const { done, evictedFrom, evictedTo } = this.#marks.read();
    const place = { segment: entry.segment, offset: entry.start };
    if (isBefore(place, done) || (!isBefore(place, evictedFrom) && isBefore(place, evictedTo))) return;
    this.#entries.push(entry);
    this.#bytes += entry.end - entry.start;
  }

  #evict(): void {
    const evicted: Entry[] = [];
    while (this.#entries.length > this.#inFlight && this.#isOver(this.#entries[this.#inFlight]!)) {
      const [entry] = this.#entries.splice(this.#inFlight, 1);
      evicted.push(entry!);
      this.#bytes -= entry!.end - entry!.start;
    }
    if (evicted.length === 0) return;
    const marks = this.#marks.read();
    const count = grown(marks.evicted, evicted);
    const { segment, end } = evicted.at(-1)!;
    const to = { segment, offset: end };
    const ahead = this.#entries[this.#inFlight - 1];
    if (ahead === undefined) this.#marks.write({ ...marks, evicted: count, done: to, evictedFrom: to, evictedTo: to });
    else {
      const from = { segment: ahead.segment, offset: ahead.end };
      this.#marks.write({ ...marks, evicted: count, evictedFrom: from, evictedTo: to });
    }
  }

  #isOver({ header }: Entry): boolean {
    if (this.#bytes > this.limits.maxBytes) return true;
    return header.boot === this.boot && this.bootNowMs() - header.closedAtMs > this.limits.maxAgeMs;
  }

  /** The entry turned out to be unreadable. */
  #drop(index: number): void {
    const [entry] = this.#entries.splice(index, 1);
    this.#bytes -= entry!.end - entry!.start;
    this.#damaged.sections++;
    this.#damaged.bytes += entry!.end - entry!.start;
  }

  /** Segments that nothing waits in and nobody writes to. */
  async #deleteDone(): Promise<void> {
    const needed = this.#entries[0]?.segment ?? Number.POSITIVE_INFINITY;
    while (this.#segments.length > 1 && this.#segments[0]!.number < needed) {
      const { number, file } = this.#segments.shift()!;
      await file.close();
      await unlink(segmentFile(this.folder, number));
    }
  }

  async #sync(batch: readonly Entry[]): Promise<void> {
    const numbers = new Set(batch.map(({ segment }) => segment));
    const unsynced = this.#segments.filter(({ number, isSynced }) => numbers.has(number) && !isSynced);
    await Promise.all(
      unsynced.map(async (segment) => {
        segment.isSynced = true;
        await segment.file.datasync();
      }),
    );
  }

  async #section({ segment, start, end }: Entry): Promise<StoredSection | undefined> {
    const opened = this.#segments.find(({ number }) => number === segment)!;
    const bytes = Buffer.allocUnsafeSlow(end - start);
    await opened.file.read(bytes, 0, bytes.length, start);
    for (const found of walkRecords(bytes, opened.mark!, { isEnd: true })) {
      return found.kind === 'record' ? { header: found.header, bytes: found.section } : undefined;
    }
    return undefined;
  }
}

/** More are never sent together: sections have 64 KiB, a send less than 1 MiB. */
const MAX_BATCH = 256;

const grown = (tally: Marks['sent'], entries: readonly Entry[]): Marks['sent'] => ({
  sections: tally.sections + entries.length,
  packets: tally.packets + entries.reduce((sum, { header }) => sum + header.packets, 0),
});

const isSame = (a: SpoolPlace, b: SpoolPlace): boolean => a.segment === b.segment && a.offset === b.offset;
