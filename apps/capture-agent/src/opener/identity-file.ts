import { crc32 } from 'node:zlib';
import { PublicKey, Trust } from '@bpfleet/contract';
import { z } from 'zod';

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
export type KeptIdentity = z.infer<typeof Kept>;

/** Of releases that wrote none. Here nothing unknown is taken: it may be the checksum, with its name damaged. */
const KeptWithoutChecksum = z.strictObject(Kept.shape);

export const identityText = (kept: KeptIdentity): string => JSON.stringify({ ...kept, crc32: checksumOf(kept) });

/** @returns undefined for half a file, something else's, or one that is not what was written: another trusted key, say */
export function identityIn(text: string): KeptIdentity | undefined {
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
