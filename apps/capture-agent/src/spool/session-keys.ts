import { existsSync } from 'node:fs';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '@bpfleet/service';
import { writeDurably } from '../durable-file.js';
import type { KeptKeys } from './lost-marks.js';
import { readSessionKey, type SessionKey, sessionKeyText } from './session-key-file.js';
import { Troubles } from './troubles.js';

const READING = 'reading them';

/**
 * Session keys beside the sections that they sign, one file per epoch: after a kill -9 the next process has sections of an
 * epoch before to send, and only that epoch's key may sign them.
 */
export class SessionKeys implements KeptKeys {
  readonly #keys = new Map<number, SessionKey>();
  /** Epochs that have a file, readable or not. */
  readonly #kept = new Set<number>();
  /** Those that the disk did not take. */
  readonly #refused = new Set<number>();
  /** Those that are of no use any more, and could not be deleted. */
  readonly #undeleted = new Set<number>();
  #keeping: Promise<void> | undefined;
  readonly #folder: string;
  readonly #troubles: Troubles;

  constructor(spoolFolder: string) {
    this.#folder = join(spoolFolder, 'keys');
    this.#troubles = new Troubles(`the session keys in ${this.#folder}`);
  }

  /** What does not work now, for people. */
  get troubles(): readonly string[] {
    return this.#troubles.texts;
  }

  /** Whether the disk has all of them, and none besides. */
  get areKept(): boolean {
    return this.#refused.size === 0 && this.#undeleted.size === 0;
  }

  /**
   * Reads those of epochs before. One that is damaged is left out: its sections cannot be signed, and are given up. Where the
   * folder cannot be read or made, there are none of epochs before.
   */
  async open(): Promise<void> {
    await this.#try(READING, async () => {
      await makeFolder(this.#folder);
      for (const name of await readdir(this.#folder)) {
        const [, digits] = /^(\d{1,15})\.json$/.exec(name) ?? [];
        if (digits !== undefined) await this.#read(Number(digits));
      }
    });
  }

  get(epoch: number): SessionKey | undefined {
    return this.#keys.get(epoch);
  }

  has(epoch: number): boolean {
    return this.#kept.has(epoch);
  }

  get newest(): number {
    return Math.max(0, ...this.#kept);
  }

  /** Durable before the epoch's first section is; where the disk takes none, only this process can sign. */
  async add(epoch: number, session: SessionKey): Promise<void> {
    this.#keys.set(epoch, session);
    await this.#keep(epoch, session);
  }

  /** Tries again what the disk did not do: what it did not take, the next process has to sign with. Calls that overlap are one. */
  keepRefused(): Promise<void> {
    this.#keeping ??= this.#keepRefused().finally(() => {
      this.#keeping = undefined;
    });
    return this.#keeping;
  }

  /** Writes again what somebody deleted under this process: the next one has to sign with it. */
  keepDeleted(): Promise<void> {
    for (const epoch of this.#keys.keys()) if (!existsSync(this.#pathOf(epoch))) this.#refused.add(epoch);
    return this.keepRefused();
  }

  /** Those of epochs that nothing waits of are of no use any more. */
  async forgetAllBut(epochs: ReadonlySet<number>): Promise<void> {
    for (const epoch of this.#keys.keys()) if (!epochs.has(epoch)) this.#keys.delete(epoch);
    for (const epoch of this.#kept) {
      if (epochs.has(epoch) || this.#undeleted.has(epoch)) continue;
      this.#refused.delete(epoch);
      this.#troubles.tried(keeping(epoch), undefined);
      await this.#delete(epoch);
    }
  }

  async #keepRefused(): Promise<void> {
    for (const epoch of [...this.#refused]) {
      const session = this.#keys.get(epoch);
      if (session) await this.#keep(epoch, session);
    }
    for (const epoch of [...this.#undeleted]) await this.#delete(epoch);
  }

  async #keep(epoch: number, session: SessionKey): Promise<void> {
    this.#kept.add(epoch);
    const isKept = await this.#try(keeping(epoch), async () => {
      await makeFolder(this.#folder);
      await writeDurably(this.#folder, fileOf(epoch), sessionKeyText(session));
    });
    if (!isKept) {
      this.#refused.add(epoch);
      return;
    }
    this.#refused.delete(epoch);
    this.#troubles.tried(READING, undefined);
  }

  async #delete(epoch: number): Promise<void> {
    const isDeleted = await this.#try(`deleting that of epoch ${epoch}`, () => unlinkIfThere(this.#pathOf(epoch)));
    if (!isDeleted) {
      this.#undeleted.add(epoch);
      return;
    }
    this.#undeleted.delete(epoch);
    this.#kept.delete(epoch);
    this.#troubles.tried(reading(epoch), undefined);
  }

  async #read(epoch: number): Promise<void> {
    this.#kept.add(epoch);
    await this.#try(reading(epoch), async () => {
      this.#keys.set(epoch, readSessionKey(this.#pathOf(epoch)));
    });
  }

  #pathOf(epoch: number): string {
    return join(this.#folder, fileOf(epoch));
  }

  /** @returns whether it worked */
  async #try(what: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      this.#troubles.tried(what, undefined);
      return true;
    } catch (error) {
      this.#troubles.tried(what, error as Error);
      return false;
    }
  }
}

const reading = (epoch: number): string => `reading that of epoch ${epoch}`;
const keeping = (epoch: number): string => `keeping that of epoch ${epoch}`;

const fileOf = (epoch: number): string => `${epoch}.json`;

/** There is no such file, or no such folder of its. */
const GONE = new Set<string | undefined>(['ENOENT', 'ENOTDIR']);

/** `rm` with `force` takes EPERM for a folder's, and ends in an ENOTDIR that says nothing of the cause. */
async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!GONE.has((error as NodeJS.ErrnoException).code)) throw error;
  }
}
