import { join } from 'node:path';
import { DesiredState, DsseEnvelope, digestOf, fromBase64 } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { nodeCrypto } from '@bpfleet/service';
import type { Logger } from 'pino';
import { z } from 'zod';
import { OrderFiles } from './order-files.js';

const STATE_FILE = 'desired.json';
const BUNDLES = 'bundles';

/** A desired state as it came, and what it names. Nothing of it is verified: that is the opener's to do. */
export interface ClaimedState {
  readonly envelope: unknown;
  readonly state: DesiredState;
}

/** @throws BpfleetError `DOCUMENT_INVALID` when it cannot be read at all */
export function claimedState(envelope: unknown): ClaimedState {
  const parsed = DsseEnvelope.safeParse(envelope);
  if (!parsed.success) throw new BpfleetError('DOCUMENT_INVALID', 'the desired state is no signed document');
  const state = DesiredState.safeParse(jsonOf(fromBase64(parsed.data.payload)));
  if (state.success) return { envelope, state: state.data };
  const { path, message } = state.error.issues[0]!;
  throw new BpfleetError('DOCUMENT_INVALID', `the desired state is not readable: ${path.join('.')}: ${message}`);
}

/** The last desired state and its bundles on disk: capture starts and goes on while the control plane is away. */
export class KeptOrders {
  readonly #files: OrderFiles;
  /** What the newest state names, while the disk still has more than that. */
  #named: ReadonlySet<string> | undefined;

  constructor(
    private readonly folder: string,
    private readonly logger: Logger,
    /** Its troubles are others. */
    changed: () => void = () => {},
  ) {
    this.#files = new OrderFiles(folder, logger, changed);
  }

  /** Whether the disk has all that is to be kept. */
  get areKept(): boolean {
    return this.#files.areKept;
  }

  /** What does not work now, for people. */
  get troubles(): readonly string[] {
    return this.#files.troubles;
  }

  /** Undefined when there is none, or when it is damaged, which is logged. */
  async state(): Promise<ClaimedState | undefined> {
    const bytes = await this.#files.read(STATE_FILE);
    if (bytes === undefined) return undefined;
    try {
      return claimedState(jsonOf(bytes));
    } catch {
      this.logger.warn({ file: join(this.folder, STATE_FILE) }, 'the kept desired state is damaged, ignored');
      return undefined;
    }
  }

  /** The bytes of a bundle, if they are here and whole. */
  async bundle(digest: string): Promise<Uint8Array | undefined> {
    const bytes = await this.#files.read(fileOf(digest));
    return bytes !== undefined && digestOf(bytes, nodeCrypto) === digest ? bytes : undefined;
  }

  /** What is there in the place of one that is not whole. */
  async damagedBundle(digest: string): Promise<Uint8Array> {
    return (await this.#files.read(fileOf(digest))) ?? new Uint8Array();
  }

  async addBundle(digest: string, bytes: Uint8Array): Promise<void> {
    await this.#files.write(fileOf(digest), bytes);
    await this.#files.remove(leftOutFileOf(digest));
  }

  /** Of a bundle that is too much for this agent: what it is, and not the bundle. */
  async leaveOut(digest: string, what: LeftOut): Promise<void> {
    await this.#files.write(leftOutFileOf(digest), Buffer.from(JSON.stringify(what)));
    await this.#files.remove(fileOf(digest));
  }

  /** Undefined when it was not left out, or that is not to be read any more. */
  async leftOut(digest: string): Promise<LeftOut | undefined> {
    const bytes = await this.#files.read(leftOutFileOf(digest));
    return bytes === undefined ? undefined : LeftOut.safeParse(jsonOf(bytes)).data;
  }

  /** After the opener took it. Bundles that it does not name go. */
  async keep({ envelope, state }: ClaimedState): Promise<void> {
    this.#named = new Set(state.entries.flatMap(({ digest }) => [fileOf(digest), leftOutFileOf(digest)]));
    this.#files.letGo((path) => path !== STATE_FILE && !this.#named!.has(path));
    await this.#files.write(STATE_FILE, Buffer.from(JSON.stringify(envelope)));
    await this.#tidy();
  }

  /** Tries again what the disk did not take. */
  async keepRefused(): Promise<void> {
    await this.#files.keepHeld();
    await this.#tidy();
  }

  /** Only once the disk has all of the newest state: until then the next process may start from the one before. */
  async #tidy(): Promise<void> {
    const named = this.#named;
    if (named === undefined || !this.#files.areKept) return;
    this.#named = undefined;
    for (const path of await this.#files.list(BUNDLES)) if (!named.has(path)) await this.#files.remove(path);
  }
}

const LeftOut = z.object({
  filter: z.string().max(63),
  version: z.int().positive(),
  sizeBytes: z.int().nonnegative(),
});
/** A bundle that is too much for this agent, as it names itself. */
export type LeftOut = z.infer<typeof LeftOut>;

/** Digests are hexadecimal (`Digest` of the contract), so no name leads out of the folder. */
const nameOf = (digest: string): string => digest.replace('sha256:', '');
const fileOf = (digest: string): string => join(BUNDLES, `${nameOf(digest)}.json`);
const leftOutFileOf = (digest: string): string => join(BUNDLES, `${nameOf(digest)}.left-out`);

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Not JSON is handled like a wrong document.
    return undefined;
  }
}
