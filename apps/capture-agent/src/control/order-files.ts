import { readdir, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { makeFolder } from '@bpfleet/service';
import type { Logger } from 'pino';
import { diskAdvice } from '../disk-advice.js';
import { writeDurably } from '../durable-file.js';
import { readStateFile } from '../state-file.js';
import { MAX_ANSWER_BYTES } from './agent-client.js';

/** As they came, and what JSON of ours may make longer. */
const MOST_BYTES = 2 * MAX_ANSWER_BYTES;

/**
 * Files of a folder by their paths in it. What the disk does not take is held in memory, and read from there: the agent goes
 * on with it, and only the process after this one has to ask for it again. What cannot be read is not there.
 */
export class OrderFiles {
  readonly #held = new Map<string, Uint8Array>();
  #refusal: Error | undefined;

  constructor(
    private readonly folder: string,
    private readonly logger: Logger,
    /** The disk stopped taking them, or does again. */
    private readonly changed: () => void,
  ) {}

  /** Whether the disk has all of them. */
  get areKept(): boolean {
    return this.#held.size === 0;
  }

  /** What does not work now, for people. */
  get troubles(): readonly string[] {
    // What is being written now is no trouble yet.
    if (this.areKept || this.#refusal === undefined) return [];
    const what = `${this.#held.size} files of what this agent is to run are in memory only, not in ${this.folder}`;
    const { message } = this.#refusal;
    return [`${what}: ${message}; ${diskAdvice(message)}`];
  }

  /** Undefined when there is none that can be read. */
  async read(path: string): Promise<Uint8Array | undefined> {
    const held = this.#held.get(path);
    if (held !== undefined) return held;
    const file = join(this.folder, path);
    try {
      return readStateFile(file, MOST_BYTES);
    } catch (err) {
      if (!isMissing(err)) this.logger.warn({ err, file }, 'a kept order cannot be read, as if there was none');
      return undefined;
    }
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    this.#held.set(path, bytes);
    await this.#keep(path, bytes);
  }

  /** Tries again what the disk did not take. */
  async keepHeld(): Promise<void> {
    for (const [path, bytes] of [...this.#held]) await this.#keep(path, bytes);
  }

  /** Of no use any more: memory is not for that. */
  letGo(isUseless: (path: string) => boolean): void {
    for (const path of this.#held.keys()) if (isUseless(path)) this.#held.delete(path);
  }

  async remove(path: string): Promise<void> {
    this.#held.delete(path);
    try {
      await unlink(join(this.folder, path));
    } catch (err) {
      // It takes room, and nobody asks for it.
      if (!isMissing(err)) this.logger.warn({ err, path }, 'a kept order that is of no use any more cannot be deleted');
    }
  }

  /** The paths of what the disk has in a folder below. */
  async list(folder: string): Promise<string[]> {
    try {
      return (await readdir(join(this.folder, folder))).map((name) => join(folder, name));
    } catch (err) {
      if (!isMissing(err)) this.logger.warn({ err, folder }, 'kept orders cannot be listed');
      return [];
    }
  }

  async #keep(path: string, bytes: Uint8Array): Promise<void> {
    const file = join(this.folder, path);
    try {
      await makeFolder(dirname(file));
      await writeDurably(dirname(file), basename(file), bytes);
      this.#held.delete(path);
    } catch (err) {
      this.#refused(err as Error);
    }
    if (!this.areKept || this.#refusal === undefined) return;
    this.#refusal = undefined;
    this.changed();
  }

  #refused(err: Error): void {
    const isNews = this.#refusal === undefined;
    this.#refusal = err;
    if (!isNews) return;
    this.logger.error({ err, folder: this.folder }, 'the disk does not keep what this agent is to run');
    this.changed();
  }
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';
