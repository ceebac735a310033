import { readdir, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { DesiredState, DsseEnvelope, digestOf, fromBase64 } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { makeFolder, nodeCrypto } from '@bpfleet/service';
import { z } from 'zod';
import { writeDurably } from '../durable-file.js';

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
  constructor(private readonly folder: string) {}

  /** Undefined when there is none, or when it is damaged: `onDamage` then says of which file. */
  async state(onDamage: (file: string) => void): Promise<ClaimedState | undefined> {
    const text = await readIfThere(join(this.folder, STATE_FILE));
    if (text === undefined) return undefined;
    try {
      return claimedState(jsonOf(text));
    } catch {
      onDamage(join(this.folder, STATE_FILE));
      return undefined;
    }
  }

  /** The bytes of a bundle, if they are here and whole. */
  async bundle(digest: string): Promise<Uint8Array | undefined> {
    const bytes = await readIfThere(this.#fileOf(digest));
    return bytes !== undefined && digestOf(bytes, nodeCrypto) === digest ? bytes : undefined;
  }

  async addBundle(digest: string, bytes: Uint8Array): Promise<void> {
    await makeFolder(join(this.folder, BUNDLES));
    await writeDurably(join(this.folder, BUNDLES), nameOf(digest), Buffer.from(bytes));
    await unlink(join(this.folder, BUNDLES, leftOutNameOf(digest))).catch(ignoreMissing);
  }

  /** Of a bundle that is too much for this agent: what it is, and not the bundle. */
  async leaveOut(digest: string, what: LeftOut): Promise<void> {
    await makeFolder(join(this.folder, BUNDLES));
    await writeDurably(join(this.folder, BUNDLES), leftOutNameOf(digest), JSON.stringify(what));
    await unlink(this.#fileOf(digest)).catch(ignoreMissing);
  }

  /** Undefined when it was not left out, or that is not to be read any more. */
  async leftOut(digest: string): Promise<LeftOut | undefined> {
    const text = await readIfThere(join(this.folder, BUNDLES, leftOutNameOf(digest)));
    return text === undefined ? undefined : LeftOut.safeParse(jsonOf(text)).data;
  }

  /** After the opener took it. Bundles that it does not name go. */
  async keep({ envelope, state }: ClaimedState): Promise<void> {
    await makeFolder(join(this.folder, BUNDLES));
    await writeDurably(this.folder, STATE_FILE, JSON.stringify(envelope));
    const named = new Set(state.entries.flatMap(({ digest }) => [nameOf(digest), leftOutNameOf(digest)]));
    for (const name of await readdir(join(this.folder, BUNDLES))) {
      if (!named.has(name)) await unlink(join(this.folder, BUNDLES, name));
    }
  }

  #fileOf(digest: string): string {
    return join(this.folder, BUNDLES, nameOf(digest));
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
const nameOf = (digest: string): string => `${digest.replace('sha256:', '')}.json`;
const leftOutNameOf = (digest: string): string => `${digest.replace('sha256:', '')}.left-out`;

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    // Not JSON is handled like a wrong document.
    return undefined;
  }
}
