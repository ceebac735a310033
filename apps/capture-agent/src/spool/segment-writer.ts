import { randomBytes } from 'node:crypto';
import { closeSync, fstatSync, ftruncateSync, openSync, unlinkSync, writevSync } from 'node:fs';
import { BpfleetError } from '@bpfleet/errors';
import { encodeRecord } from './record.js';
import type { RecordHeader } from './record-header.js';
import { SEGMENT_BYTES, segmentFile } from './spool-folder.js';

/** The file calls that appending needs: those of `node:fs`, or a test's that fail. */
export interface SegmentCalls {
  /** Creates the file and opens it for writing. */
  create(path: string): number;
  /** May write less than it was given, as the system call may. */
  writev(fd: number, parts: readonly Uint8Array[], position: number): number;
  truncate(fd: number, length: number): void;
  close(fd: number): void;
  remove(path: string): void;
  stat(fd: number): { readonly nlink: number; readonly size: number };
}

const fileCalls: SegmentCalls = {
  create: (path) => openSync(path, 'wx', 0o600),
  writev: (fd, parts, position) => writevSync(fd, parts, position),
  truncate: ftruncateSync,
  close: closeSync,
  remove: unlinkSync,
  stat: fstatSync,
};

/**
 * So often it is looked whether somebody deleted the open segment, or cut it short: what goes into it reaches nobody after
 * this process, or lies behind a hole. With each section, but where those come fast: a look takes a fifth of a write.
 */
const LOOK_MS = 10;

/** So many files of somebody else are passed over for one section. */
const MOST_OTHERS = 100;

export interface SegmentWriterOptions {
  readonly folder: string;
  /** Number of the first segment to make: above all that are or were in the folder. */
  readonly firstSegment: number;
  readonly segmentBytes?: number;
  /** A monotonic clock. */
  readonly nowMs?: () => number;
}

/** Where a record went. */
export interface AppendedRecord {
  readonly segment: number;
  readonly start: number;
  readonly end: number;
}

interface OpenSegment {
  readonly number: number;
  readonly path: string;
  readonly fd: number;
  readonly mark: number;
  end: number;
}

/**
 * Appends records to segment files, one system call each. Made for the capture thread: blocks, and never waits for the
 * disk itself (whoever reads the spool calls fdatasync). Bytes that were appended survive kill -9.
 */
export class SegmentWriter {
  #open: OpenSegment | undefined;
  #next: number;
  #lookedAtMs: number;
  readonly #segmentBytes: number;
  readonly #nowMs: () => number;

  constructor(
    private readonly options: SegmentWriterOptions,
    private readonly calls: SegmentCalls = fileCalls,
  ) {
    this.#next = options.firstSegment;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#lookedAtMs = this.#nowMs();
  }

  /**
   * @throws BpfleetError `DATA_NOT_WRITABLE` when the disk is full, read-only or broken: nothing of the record is kept,
   * what was appended before is, and the next call tries again in a new segment
   */
  append(header: RecordHeader, section: Uint8Array): AppendedRecord {
    if (this.#open !== undefined && this.#open.end >= this.#segmentBytes) this.close();
    try {
      if (this.#isHarmed()) this.close();
      const segment = this.#open ?? this.#create();
      return this.#write(segment, encodeRecord(segment.mark, header, section));
    } catch (cause) {
      this.#takeBack();
      throw typedError(cause, this.options.folder);
    }
  }

  /** The number of the first segment that is not there yet: where another writer goes on, once this one is closed. */
  get nextSegment(): number {
    return this.#next;
  }

  /** Readers go from one number to the next: that of a segment without a record is free again only if its file is gone. */
  close(): void {
    const segment = this.#open;
    if (segment === undefined) return;
    this.#open = undefined;
    this.calls.close(segment.fd);
    if (segment.end === 0 && attempt(() => this.calls.remove(segment.path))) this.#next = segment.number;
  }

  #isHarmed(): boolean {
    const nowMs = this.#nowMs();
    if (this.#open === undefined || nowMs - this.#lookedAtMs < LOOK_MS) return false;
    this.#lookedAtMs = nowMs;
    const { nlink, size } = this.calls.stat(this.#open.fd);
    return nlink === 0 || size < this.#open.end;
  }

  #create(): OpenSegment {
    for (let others = 0; ; others++) {
      const number = this.#next;
      const path = segmentFile(this.options.folder, number);
      try {
        const fd = this.calls.create(path);
        this.#next = number + 1;
        this.#open = { number, path, fd, mark: randomBytes(4).readUInt32LE(), end: 0 };
        return this.#open;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || others === MOST_OTHERS) throw error;
        // Somebody else's: readers pass it over.
        this.#next = number + 1;
      }
    }
  }

  #write(segment: OpenSegment, parts: readonly Uint8Array[]): AppendedRecord {
    const start = segment.end;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    let written = 0;
    // Once, but for disks that are nearly full: those take a part, and answer the rest with an error.
    while (written < bytes) written += this.calls.writev(segment.fd, behind(parts, written), start + written);
    segment.end = start + bytes;
    return { segment: segment.number, start, end: segment.end };
  }

  /** Takes back what was written of a record. A segment that has others is not used again: its end may be anything now. */
  #takeBack(): void {
    const segment = this.#open;
    if (segment === undefined) return;
    // What cannot be taken back is found by readers: a record that is not whole.
    const isTakenBack = attempt(() => this.calls.truncate(segment.fd, segment.end));
    // The next record goes into the same file, under the same mark: readers may have seen both already.
    if (isTakenBack && segment.end === 0) return;
    this.#open = undefined;
    attempt(() => this.calls.close(segment.fd));
  }
}

/** What is left of the parts after so many bytes of them. */
function behind(parts: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  if (written === 0) return parts;
  let skip = written;
  return parts.flatMap((part) => {
    const from = Math.min(skip, part.length);
    skip -= from;
    return from === part.length ? [] : [part.subarray(from)];
  });
}

function attempt(call: () => void): boolean {
  try {
    call();
    return true;
  } catch {
    // The failure that led here is the one to be told.
    return false;
  }
}

function typedError(cause: unknown, folder: string): unknown {
  const code = (cause as NodeJS.ErrnoException).code;
  if (!(cause instanceof Error) || cause instanceof BpfleetError || code === undefined) return cause;
  return new BpfleetError('DATA_NOT_WRITABLE', `the spool in ${folder} takes no sections: ${cause.message}`, {
    cause,
    hint: code === 'ENOSPC' || code === 'EDQUOT' ? 'free space on its disk' : 'make its folder writable',
  });
}
