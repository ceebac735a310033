import { crc32 } from 'node:zlib';
import { PrivateKey } from '@bpfleet/service';
import { z } from 'zod';
import { readStateFile } from '../state-file.js';

/** Some 100 bytes of key, and a delegation of less than a kilobyte. */
const MOST_BYTES = 16 * 1024;

const Kept = z.object({ privateKey: z.string(), delegation: z.string(), crc32: z.number() });

/** The key that signs an epoch's sections, and the identity key's word for it. */
export interface SessionKey {
  readonly key: PrivateKey;
  /** As `delegationText` of `@bpfleet/contract` makes it. */
  readonly delegation: string;
}

export function sessionKeyText({ key, delegation }: SessionKey): string {
  const privateKey = key.toPem();
  return JSON.stringify({ privateKey, delegation, crc32: checksumOf(privateKey, delegation) });
}

/**
 * @returns undefined for half a file, something else's, or one whose bytes are not what was written: with another key, or
 *   another word for it, the store would refuse each section that it signs
 */
export function sessionKeyIn(text: string): SessionKey | undefined {
  try {
    const { privateKey, delegation, crc32 } = Kept.parse(JSON.parse(text));
    if (crc32 !== checksumOf(privateKey, delegation)) return undefined;
    return { key: PrivateKey.fromPem(privateKey), delegation };
  } catch {
    // What is wrong with it may have the key in its words.
    return undefined;
  }
}

export const checksumOf = (privateKey: string, delegation: string): number => crc32(delegation, crc32(privateKey));

/** @throws Error which says nothing of the text */
export function readSessionKey(path: string): SessionKey {
  const session = sessionKeyIn(readStateFile(path, MOST_BYTES).toString());
  if (session) return session;
  throw new Error('the file is damaged, what it would sign is given up');
}
