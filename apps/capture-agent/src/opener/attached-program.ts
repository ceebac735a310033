import { encodeProgram } from '@bpfleet/bpf';
import { digestOf } from '@bpfleet/contract';
import { nodeCrypto } from '@bpfleet/service';
import type { CaptureMember } from '../border/opener-port.js';
import { type LinkContext, linkMembers } from './plan.js';

/** What a socket should run, and from what it was made: enough for anybody to make it again and compare. */
export interface AttachedProgram {
  readonly bytes: Uint8Array;
  /** sha256 over `bytes`. */
  readonly hash: string;
  /** Bundle digests. */
  readonly members: readonly string[];
  readonly context: LinkContext;
}

/** @throws BpfleetError as `link` */
export function programOf(members: readonly CaptureMember[], context: LinkContext): AttachedProgram {
  const bytes = encodeProgram(linkMembers(members, context).program);
  return { bytes, hash: hashOf(bytes), members: [...new Set(members.map(({ digest }) => digest))].sort(), context };
}

export const hashOf = (bytes: Uint8Array): string => digestOf(bytes, nodeCrypto);
