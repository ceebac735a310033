import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { PublicKey, Trust } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { PrivateKey } from '@bpfleet/service';
import { z } from 'zod';
import { readStateFile } from '../state-file.js';

export const IDENTITY_FILE = 'identity.json';
/** Keys are 100 bytes each; a fleet has few that sign, and few that did. */
const MOST_BYTES = 4 * 1024 * 1024;
/** The file of an epoch's session key is named by it, in 15 digits at most. A clock comes nowhere near. */
const LAST_EPOCH = 999_999_999_999_999;

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
  /** When that was: CLOCK_BOOTTIME of this boot. Absent of releases that wrote none. */
  serviceTimeAt: z.object({ boot: z.string(), bootMs: z.number() }).optional(),
});
export type KeptIdentity = z.infer<typeof Kept>;

/** Of releases that wrote none. Here nothing unknown is taken: it may be the checksum, with its name damaged. */
const KeptWithoutChecksum = z.strictObject(Kept.shape);

export const identityText = (kept: KeptIdentity): string => JSON.stringify({ ...kept, crc32: checksumOf(kept) });

export interface ReadIdentity {
  readonly kept: KeptIdentity;
  readonly key: PrivateKey;
}

/**
 * What a folder keeps of an agent; changes nothing.
 * @returns undefined where there is none
 * @throws BpfleetError `DATA_FOREIGN` when it is unreadable or another agent's; the error of `node:fs`
 */
export function readIdentity(folder: string, agent: string): ReadIdentity | undefined {
  const text = textIn(join(folder, IDENTITY_FILE));
  if (text === undefined) return undefined;
  const kept = identityIn(text);
  if (kept === undefined) throw foreign(folder, 'is damaged');
  if (kept.agent !== agent) {
    const hint = `is BPFLEET_AGENT_ID to be ${kept.agent}? Else name another folder with BPFLEET_AGENT_STATE_DIR`;
    throw foreign(folder, `is of agent ${kept.agent}, not of ${agent}`, { hint });
  }
  // Now: who asks for one later is started again and again.
  epochAfter(folder, kept.epoch);
  return { kept, key: keyIn(folder, kept) };
}

/** @throws BpfleetError `DATA_FOREIGN` after the last one */
export function epochAfter(folder: string, epoch: number): number {
  if (epoch < LAST_EPOCH) return epoch + 1;
  throw foreign(folder, `is damaged: no epoch comes after ${epoch}`);
}

function keyIn(folder: string, { privateKey, identityPublicKey }: KeptIdentity): PrivateKey {
  let key: PrivateKey;
  try {
    key = PrivateKey.fromPem(privateKey);
  } catch (cause) {
    throw foreign(folder, 'is damaged: its private key cannot be read', { cause });
  }
  if (key.publicKey !== identityPublicKey) throw foreign(folder, 'is damaged: its keys are no pair');
  return key;
}

const FROM_BACKUP = 'restore it from a backup, or remove it and enrol the agent anew under another id';

const foreign = (folder: string, why: string, more: { cause?: unknown; hint?: string } = {}): BpfleetError =>
  new BpfleetError('DATA_FOREIGN', `${join(folder, IDENTITY_FILE)} ${why}`, { hint: FROM_BACKUP, ...more });

/** @returns undefined for half a file, something else's, or one that is not what was written: another trusted key, say */
function identityIn(text: string): KeptIdentity | undefined {
  const { crc32: told, ...rest } = membersOf(text);
  if (told === undefined) return KeptWithoutChecksum.safeParse(rest).data;
  return told === checksumOf(rest) ? Kept.safeParse(rest).data : undefined;
}

/** Of the members in the order they stand in, which JSON.parse keeps. */
const checksumOf = (members: object): number => crc32(JSON.stringify(members));

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    // Not JSON is handled like a wrong document.
    return {};
  }
}

function textIn(path: string): string | undefined {
  try {
    return readStateFile(path, MOST_BYTES).toString();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
