import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, PrivateKey } from '@bpfleet/service';
import { z } from 'zod';
import { writeDurably } from '../durable-file.js';

const Kept = z.object({ privateKey: z.string(), delegation: z.string() });

/** The key that signs an epoch's sections, and the identity key's word for it. */
export interface SessionKey {
  readonly key: PrivateKey;
  /** As `delegationText` of `@bpfleet/contract` makes it. */
  readonly delegation: string;
}

/**
 * Session keys beside the sections that they sign, one file per epoch: after a kill -9 the next process has sections of an
 * epoch before to send, and only that epoch's key may sign them.
 */
export class SessionKeys {
  readonly #keys = new Map<number, SessionKey>();
  readonly #folder: string;

  constructor(spoolFolder: string) {
    this.#folder = join(spoolFolder, 'keys');
  }

  /** Reads those of epochs before. One that is damaged is left out: its sections cannot be signed, and are given up. */
  async open(): Promise<void> {
    await makeFolder(this.#folder);
    for (const name of await readdir(this.#folder)) {
      const epoch = Number(/^(\d{1,15})\.json$/.exec(name)?.[1] ?? Number.NaN);
      const key = Number.isNaN(epoch) ? undefined : keyIn(await readFile(join(this.#folder, name), 'utf8'));
      if (key) this.#keys.set(epoch, key);
    }
  }

  get(epoch: number): SessionKey | undefined {
    return this.#keys.get(epoch);
  }

  /** Durable before the epoch's first section is. */
  async add(epoch: number, { key, delegation }: SessionKey): Promise<void> {
    await writeDurably(this.#folder, `${epoch}.json`, JSON.stringify({ privateKey: key.toPem(), delegation }));
    this.#keys.set(epoch, { key, delegation });
  }

  /** Those of epochs before the current one that nothing waits of are of no use any more. */
  async forgetAllBut(epochs: ReadonlySet<number>): Promise<void> {
    for (const epoch of [...this.#keys.keys()]) {
      if (epochs.has(epoch)) continue;
      this.#keys.delete(epoch);
      await unlink(join(this.#folder, `${epoch}.json`));
    }
  }
}

function keyIn(text: string): SessionKey | undefined {
  try {
    const { privateKey, delegation } = Kept.parse(JSON.parse(text));
    return { key: PrivateKey.fromPem(privateKey), delegation };
  } catch {
    // Half a file, or something else's.
    return undefined;
  }
}
