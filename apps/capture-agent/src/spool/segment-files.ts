import { closeSync, constants, fstatSync, openSync, readSync, statSync, unlinkSync } from 'node:fs';
import { type FileHandle, open, readdir } from 'node:fs/promises';
import { segmentFile, segmentOf } from './spool-folder.js';

/** Of this process, not of the file: worth another try. */
const PASSING: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'];
export const isPassing = (error: unknown): boolean => PASSING.includes((error as NodeJS.ErrnoException).code ?? '');

/** `r`, which does not wait for whoever writes to the FIFO that somebody put there. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** A reader is at one or two segments at a time. */
const MAX_OPEN = 4;

/**
 * What reading a spool needs of its folder. Reads block: what was appended a moment ago is in the page cache, where a
 * read takes a microsecond or two, and waiting for one of Node's threads some forty.
 */
export interface SegmentFiles {
  /** Numbers of the segments that are there, ascending. */
  list(): Promise<number[]>;
  /** Undefined when there is no such segment. */
  sizeOf(segment: number): number | undefined;
  /** @returns how many bytes there were */
  read(segment: number, into: Buffer, offset: number): number;
  /** What was written of the segment survives a loss of power from here on, if its name does. */
  sync(segment: number): Promise<void>;
  /** The names of those that were synced do from here on: once for all of them, each time is a commit of the file system. */
  syncNames(): Promise<void>;
  remove(segment: number): void;
  close(): void;
}

/** The files of a folder; few of them open at a time. */
export class FolderSegments implements SegmentFiles {
  /** Descriptors, in the order of their last use. */
  readonly #open = new Map<number, number>();
  readonly #named = new Set<number>();
  readonly #unnamed = new Set<number>();

  constructor(private readonly folder: string) {}

  async list(): Promise<number[]> {
    const numbers = (await readdir(this.folder)).map(segmentOf).filter((number) => number !== undefined);
    return numbers.sort((a, b) => a - b);
  }

  sizeOf(segment: number): number | undefined {
    const fd = this.#open.get(segment);
    // Of a file that somebody deleted, too: what is written to it meanwhile is read.
    if (fd !== undefined) return fstatSync(fd).size;
    return statSync(segmentFile(this.folder, segment), { throwIfNoEntry: false })?.size;
  }

  read(segment: number, into: Buffer, offset: number): number {
    const fd = this.#descriptor(segment);
    let present = 0;
    while (present < into.length) {
      const bytesRead = readSync(fd, into, present, into.length - present, offset + present);
      if (bytesRead === 0) break;
      present += bytesRead;
    }
    return present;
  }

  async sync(segment: number): Promise<void> {
    try {
      await synced(segmentFile(this.folder, segment), (file) => file.datasync());
    } catch (error) {
      // Deleted: what it had is done, or gone.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    if (!this.#named.has(segment)) this.#unnamed.add(segment);
  }

  async syncNames(): Promise<void> {
    if (this.#unnamed.size === 0) return;
    const segments = [...this.#unnamed];
    await synced(this.folder, (folder) => folder.sync());
    for (const segment of segments) {
      if (this.#unnamed.delete(segment)) this.#named.add(segment);
    }
  }

  remove(segment: number): void {
    this.#forget(segment);
    this.#named.delete(segment);
    this.#unnamed.delete(segment);
    try {
      // Not `rmSync` with `force`, which tells another error than that of the file.
      unlinkSync(segmentFile(this.folder, segment));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  close(): void {
    for (const segment of [...this.#open.keys()]) this.#forget(segment);
  }

  #descriptor(segment: number): number {
    const fd = this.#open.get(segment) ?? openSync(segmentFile(this.folder, segment), READ);
    this.#open.delete(segment);
    this.#open.set(segment, fd);
    if (this.#open.size > MAX_OPEN) this.#forget(this.#open.keys().next().value!);
    return fd;
  }

  #forget(segment: number): void {
    const fd = this.#open.get(segment);
    this.#open.delete(segment);
    if (fd !== undefined) closeSync(fd);
  }
}

/** By a descriptor of its own: it stays open as long as the disk takes. */
async function synced(path: string, sync: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, READ);
  try {
    await sync(file);
  } finally {
    await file.close();
  }
}
