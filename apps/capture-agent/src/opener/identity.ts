import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PublicKey, Trust } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { makeFolder, PrivateKey } from '@bpfleet/service';
import { z } from 'zod';
import { writeDurably } from '../durable-file.js';

const FILE = 'identity.json';

/** Key, epoch and generation stand in one file: whoever loses one of them loses all, and enrols anew. */
const Kept = z.object({
  agent: z.string().min(1),
  privateKey: z.string(),
  identityPublicKey: PublicKey,
  epoch: z.int().nonnegative(),
  /** The highest that was accepted; -1 before the first. */
  generation: z.int().min(-1),
  trust: Trust,
  /** The service's clock when it was last heard of or saved, Unix ms; 0: never. */
  serviceTimeMs: z.number().nonnegative(),
});
type Kept = z.infer<typeof Kept>;

/** What makes this host's agent itself, kept where only the opener reads and writes. */
export class Identity {
  #kept!: Kept;
  #key!: PrivateKey;
  #keeping: Promise<void> = Promise.resolve();

  private constructor(private readonly folder: string) {}

  /**
   * Reads the identity, or makes one where there is none.
   * @throws BpfleetError `DATA_NOT_WRITABLE`; `DATA_FOREIGN` when the file is unreadable or another agent's
   */
  static async open(folder: string, agent: string): Promise<Identity> {
    const identity = new Identity(folder);
    try {
      await makeFolder(folder);
      await identity.#load(agent);
    } catch (cause) {
      if (cause instanceof BpfleetError) throw cause;
      const message = `the agent cannot keep its identity in ${folder}: ${(cause as Error).message}`;
      const hint = 'make the folder writable, or name another with BPFLEET_AGENT_STATE_DIR';
      throw new BpfleetError('DATA_NOT_WRITABLE', message, { cause, hint });
    }
    return identity;
  }

  get key(): PrivateKey {
    return this.#key;
  }

  get trust(): Trust {
    return this.#kept.trust;
  }

  get generation(): number {
    return this.#kept.generation;
  }

  get serviceTimeMs(): number {
    return this.#kept.serviceTimeMs;
  }

  /** The next epoch, durable before it is used: max(last + 1, Unix seconds) (design: "Spool and sending"). */
  async nextEpoch(nowMs: number): Promise<number> {
    await this.#keep({ epoch: Math.max(this.#kept.epoch + 1, Math.floor(nowMs / 1000)) });
    return this.#kept.epoch;
  }

  /**
   * Pins the keys that the first enrolment gave. Once there are any, only a state that one of them signed changes them.
   * @throws BpfleetError `SIGNATURE_INVALID` when others are pinned already
   */
  async pin(keys: readonly string[]): Promise<void> {
    const { trust } = this.#kept;
    if (trust.keys.length === 0) return this.#keep({ trust: { ...trust, keys: [...keys] } });
    if (keys.some((key) => trust.keys.includes(key))) return;
    throw new BpfleetError('SIGNATURE_INVALID', 'this filter-manager signs with keys that the agent does not trust', {
      hint: `is it the one the agent enrolled with? To enrol with another, remove ${join(this.folder, FILE)}`,
    });
  }

  accepted(generation: number, trust: Trust, serviceTimeMs: number): Promise<void> {
    return this.#keep({ generation, trust, serviceTimeMs });
  }

  keepServiceTime(serviceTimeMs: number): Promise<void> {
    return this.#keep({ serviceTimeMs });
  }

  /** One after the other: two writers of one file would be one too many. */
  #keep(change: Partial<Kept>): Promise<void> {
    const keeping = this.#keeping.then(async () => {
      const kept = { ...this.#kept, ...change };
      await writeDurably(this.folder, FILE, JSON.stringify(kept));
      this.#kept = kept;
    });
    // A failure is the caller's; the next one tries by itself.
    this.#keeping = keeping.catch(() => undefined);
    return keeping;
  }

  async #load(agent: string): Promise<void> {
    const text = await readFile(join(this.folder, FILE), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (text === undefined) return this.#make(agent);
    const kept = Kept.safeParse(parsed(text));
    if (!kept.success) throw this.#foreign('is damaged');
    if (kept.data.agent !== agent) throw this.#foreign(`is of agent ${kept.data.agent}, not of ${agent}`);
    this.#key = PrivateKey.fromPem(kept.data.privateKey);
    this.#kept = kept.data;
  }

  async #make(agent: string): Promise<void> {
    this.#key = PrivateKey.generate();
    this.#kept = {
      agent,
      privateKey: this.#key.toPem(),
      identityPublicKey: this.#key.publicKey,
      epoch: 0,
      generation: -1,
      trust: { keys: [], revokedKeys: [] },
      serviceTimeMs: 0,
    };
    await this.#keep({});
  }

  #foreign(why: string): BpfleetError {
    return new BpfleetError('DATA_FOREIGN', `${join(this.folder, FILE)} ${why}`, {
      hint: 'restore it from a backup, or remove it and enrol the agent anew under another id',
    });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is handled like a wrong document.
    return undefined;
  }
}
