import { type FileHandle, open, readdir, stat, unlink } from 'node:fs/promises';
import { segmentFile, segmentOf } from './spool-folder.js';

/** Of this process, not of the file: worth another try. */
const PASSING: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN'];
export const isPassing = (error: unknown): boolean => PASSING.includes((error as NodeJS.ErrnoException).code ?? '');

/** A reader is at one or two segments at a time, and one is synced. */
const MAX_OPEN = 4;

/** What reading a spool needs of its folder. */
export interface SegmentFiles {
  /** Numbers of the segments that are there, ascending. */
  list(): Promise<number[]>;
  /** Undefined when there is no such segment. */
  sizeOf(segment: number): Promise<number | undefined>;
  /** @returns how many bytes there were */
  read(segment: number, into: Buffer, offset: number): Promise<number>;
  /** What was written of the segment, and its name, survive a loss of power from here on. */
  sync(segment: number): Promise<void>;
  remove(segment: number): Promise<void>;
  close(): Promise<void>;
}

/** The files of a folder; few of them open at a time. */
export class FolderSegments implements SegmentFiles {
  /** In the order of their last use. */
  readonly #open = new Map<number, Promise<FileHandle>>();
  readonly #named = new Set<number>();

  constructor(private readonly folder: string) {}

  async list(): Promise<number[]> {
    const numbers = (await readdir(this.folder)).map(segmentOf).filter((number) => number !== undefined);
    return numbers.sort((a, b) => a - b);
  }

  async sizeOf(segment: number): Promise<number | undefined> {
    try {
      return (await stat(segmentFile(this.folder, segment))).size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async read(segment: number, into: Buffer, offset: number): Promise<number> {
    const file = await this.#file(segment);
    let present = 0;
    while (present < into.length) {
      const { bytesRead } = await file.read(into, present, into.length - present, offset + present);
      if (bytesRead === 0) break;
      present += bytesRead;
    }
    return present;
  }

  async sync(segment: number): Promise<void> {
    await (await this.#file(segment)).datasync();
    if (this.#named.has(segment)) return;
    const folder = await open(this.folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    this.#named.add(segment);
  }

  async remove(segment: number): Promise<void> {
    await this.#forget(segment);
    this.#named.delete(segment);
    await unlink(segmentFile(this.folder, segment)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }

  async close(): Promise<void> {
    for (const segment of [...this.#open.keys()]) await this.#forget(segment);
  }

  async #file(segment: number): Promise<FileHandle> {
    const opening = this.#open.get(segment) ?? open(segmentFile(this.folder, segment), 'r');
    this.#open.delete(segment);
    this.#open.set(segment, opening);
    if (this.#open.size > MAX_OPEN) await this.#forget(this.#open.keys().next().value!);
    try {
      return await opening;
    } catch (error) {
      this.#open.delete(segment);
      throw error;
    }
  }

  async #forget(segment: number): Promise<void> {
    const opening = this.#open.get(segment);
    this.#open.delete(segment);
    // One that could not be opened has nothing to close.
    await (await opening?.catch(() => undefined))?.close();
  }
}
