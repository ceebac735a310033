import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SpoolLimits } from '../age-limit.js';
import { DiskSpool } from '../disk-spool.js';
import type { KeptKeys } from '../lost-marks.js';
import type { RecordHeader } from '../record-header.js';
import { FolderSegments } from '../segment-files.js';
import { type AppendedRecord, SegmentWriter } from '../segment-writer.js';
import { segmentFile } from '../spool-folder.js';
import { aHeader, aSection, systemError } from './records.js';

/** The files of a folder, with calls that fail when a test says so. */
export class FailingSegments extends FolderSegments {
  /** What a call ends with, by its name and the segment. */
  failing: (call: 'read' | 'sync' | 'remove' | 'sizeOf', segment: number) => string | undefined = () => undefined;
  readonly synced: number[] = [];
  #held: Promise<void> = Promise.resolve();

  /** Syncs take until the function that is returned is called. */
  holdSyncs(): () => void {
    let release: () => void = () => undefined;
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  override read(segment: number, into: Buffer, offset: number): number {
    this.#check('read', segment);
    return super.read(segment, into, offset);
  }
  override async sync(segment: number): Promise<void> {
    this.synced.push(segment);
    await this.#held;
    this.#check('sync', segment);
    await super.sync(segment);
  }
  override remove(segment: number): void {
    this.#check('remove', segment);
    super.remove(segment);
  }
  override sizeOf(segment: number): number | undefined {
    this.#check('sizeOf', segment);
    return super.sizeOf(segment);
  }

  #check(...call: Parameters<FailingSegments['failing']>): void {
    const code = this.failing(...call);
    if (code !== undefined) throw systemError(code);
  }
}

const atOnce = { syncAfterMs: 0, removalIntervalMs: 0, removedAtOnce: 1 };

/** A folder with a writer, and one process after the other that reads it. */
export class DiskRig {
  readonly folder = mkdtempSync(join(tmpdir(), 'bpfleet-spool-'));
  readonly files = new FailingSegments(this.folder);
  spool!: DiskSpool;
  writer!: SegmentWriter;
  nowMs = 2000;
  readonly #opened: DiskSpool[] = [];

  /** The process before, if there is one, is killed. */
  async open(limits: Partial<SpoolLimits> = {}, segmentBytes = 3000, keys?: KeptKeys): Promise<DiskSpool> {
    const all = { maxBytes: 1 << 30, maxAgeMs: 1e12, ...limits };
    this.spool = new DiskSpool(this.folder, all, 1, () => this.nowMs, this.files, atOnce);
    this.#opened.push(this.spool);
    await this.spool.open(keys);
    this.writer?.close();
    this.writer = new SegmentWriter({
      folder: this.folder,
      firstSegment: this.spool.firstSegment,
      segmentBytes,
      nowMs: () => this.nowMs,
    });
    return this.spool;
  }

  append(seq: number, bytes = 600, more: Partial<RecordHeader> = {}): AppendedRecord {
    const section = aSection(seq, bytes);
    return this.writer.append(aHeader(seq, section, more), section);
  }

  /** Appends sections with these numbers, and lets the spool see them. */
  async fill(from: number, until: number, bytes = 600): Promise<AppendedRecord[]> {
    const places = Array.from({ length: until - from }, (_, index) => this.append(from + index, bytes));
    await this.spool.refresh();
    return places;
  }

  async takeAll(maxBytes = 1 << 20): Promise<number[]> {
    const seqs: number[] = [];
    for (;;) {
      await this.spool.refresh();
      const batch = await this.spool.take(maxBytes);
      if (batch.length === 0) return seqs;
      seqs.push(...batch.map(({ header }) => header.seq));
      await this.spool.acknowledge();
    }
  }

  async take(maxBytes = 1 << 20): Promise<number[]> {
    return (await this.spool.take(maxBytes)).map(({ header }) => header.seq);
  }

  get segments(): string[] {
    return readdirSync(this.folder).filter((name) => name.endsWith('.seg'));
  }

  change(segment: number, change: (bytes: Buffer) => Buffer | undefined): void {
    const path = segmentFile(this.folder, segment);
    const bytes = readFileSync(path);
    writeFileSync(path, change(bytes) ?? bytes);
  }

  async close(): Promise<void> {
    this.writer?.close();
    for (const spool of this.#opened) await spool.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
