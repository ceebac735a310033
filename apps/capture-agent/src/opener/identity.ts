import { join } from 'node:path';
import type { Trust } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { bootId, bootTimeMs } from '@bpfleet/linux';
import { makeFolder, PrivateKey } from '@bpfleet/service';
import { diskAdvice } from '../disk-advice.js';
import { writeDurably } from '../durable-file.js';
import { epochAfter, IDENTITY_FILE, identityText, type KeptIdentity, readIdentity } from './identity-file.js';

/**
 * What makes this host's agent itself, kept where only the opener reads and writes. What changes holds at once; where the
 * disk does not take it, as long as this process lives, and it is tried again: a full disk stops no capture.
 */
export class Identity {
  #kept!: KeptIdentity;
  #key!: PrivateKey;
  #keeping: Promise<void> = Promise.resolve();
  #trouble: string | undefined;

  private constructor(
    private readonly folder: string,
    private readonly onTrouble: (trouble: string | undefined) => void,
    private readonly now: () => Moment,
  ) {}

  /**
   * Reads the identity, or makes one where there is none.
   * @param onTrouble is told when the disk stops or starts again to take what changes
   * @throws BpfleetError `DATA_NOT_WRITABLE`; `DATA_FOREIGN` when the file is unreadable or another agent's
   */
  static async open(
    folder: string,
    agent: string,
    onTrouble: (trouble: string | undefined) => void = () => {},
    now: () => Moment = () => ({ boot: bootId(), bootMs: bootTimeMs() }),
  ): Promise<Identity> {
    const identity = new Identity(folder, onTrouble, now);
    try {
      await makeFolder(folder);
      await identity.#load(agent);
    } catch (error) {
      throw refusalOf(folder, error);
    }
    return identity;
  }

  /**
   * What `open` would find, without making or changing anything.
   * @returns undefined where it would make one
   * @throws BpfleetError as `open` does
   */
  static look(folder: string, agent: string): Pick<Identity, 'generation'> | undefined {
    try {
      return readIdentity(folder, agent)?.kept;
    } catch (error) {
      throw refusalOf(folder, error);
    }
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

  /**
   * What it is by now: since it was kept, time went on in this boot, also while no opener ran. Of another boot nobody knows how
   * much that was.
   */
  get serviceTimeNowMs(): number {
    const { serviceTimeMs, serviceTimeAt } = this.#kept;
    const { boot, bootMs } = this.now();
    if (serviceTimeMs === 0 || serviceTimeAt?.boot !== boot) return serviceTimeMs;
    return serviceTimeMs + Math.max(0, bootMs - serviceTimeAt.bootMs);
  }

  /** Why the last change is in memory only, and what to do; undefined: all is kept. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * The next epoch, durable before it is used where the disk takes it: max(last + 1, Unix seconds) (docs/80-decisions.md).
   * @throws BpfleetError `DATA_FOREIGN` after the last one
   */
  async nextEpoch(nowMs: number): Promise<number> {
    await this.#keep({ epoch: Math.max(epochAfter(this.folder, this.#kept.epoch), Math.floor(nowMs / 1000)) });
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
      hint: `is it the one the agent enrolled with? To enrol with another, remove ${join(this.folder, IDENTITY_FILE)}`,
    });
  }

  accepted(generation: number, trust: Trust, serviceTimeMs: number): Promise<void> {
    return this.#keep({ generation, trust, serviceTimeMs, serviceTimeAt: this.now() });
  }

  keepServiceTime(serviceTimeMs: number): Promise<void> {
    return this.#keep({ serviceTimeMs, serviceTimeAt: this.now() });
  }

  /** Tries again what the disk did not take. */
  async keepRefused(): Promise<void> {
    if (this.#trouble !== undefined) await this.#keep({});
  }

  /** Resolves when nothing is being written. */
  settled(): Promise<void> {
    return this.#keeping;
  }

  /** One after the other: two writers of one file would be one too many. */
  #keep(change: Partial<KeptIdentity>): Promise<void> {
    this.#kept = { ...this.#kept, ...change };
    this.#keeping = this.#keeping.then(() =>
      this.#write().then(
        () => this.#tried(undefined),
        (error) => this.#tried(error),
      ),
    );
    return this.#keeping;
  }

  #write(): Promise<void> {
    return writeDurably(this.folder, IDENTITY_FILE, identityText(this.#kept));
  }

  #tried(error: Error | undefined): void {
    const wasKept = this.#trouble === undefined;
    const what = `the agent's identity in ${this.folder} is kept in memory only`;
    this.#trouble = error && `${what}: ${error.message}; ${diskAdvice(error.message)}`;
    if (wasKept !== (error === undefined)) this.onTrouble(this.#trouble);
  }

  async #load(agent: string): Promise<void> {
    const found = readIdentity(this.folder, agent);
    if (found === undefined) return this.#make(agent);
    this.#kept = found.kept;
    this.#key = found.key;
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
    // In memory alone it would be another agent after each restart, which the filter-manager refuses.
    await this.#write();
  }
}

/** CLOCK_BOOTTIME of one boot. */
interface Moment {
  readonly boot: string;
  readonly bootMs: number;
}

function refusalOf(folder: string, cause: unknown): BpfleetError {
  if (cause instanceof BpfleetError) return cause;
  const { message } = cause as Error;
  return new BpfleetError('DATA_NOT_WRITABLE', `the agent cannot keep its identity in ${folder}: ${message}`, {
    cause,
    hint: diskAdvice(message, 'make the folder writable, or name another with BPFLEET_AGENT_STATE_DIR'),
  });
}
