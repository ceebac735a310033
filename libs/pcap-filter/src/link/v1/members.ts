import { checkProgram, type Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';

/** One filter's program as its bundle carries it. */
export interface LinkMember {
  /** sha256 of the bundle in hexadecimal. */
  readonly digest: string;
  readonly program: Program;
  readonly snaplenBytes: number;
  /** It sees bpfleet's own connections too. */
  readonly includeOwnTraffic?: boolean;
}

/**
 * The members in order of their digests, one of each: with the larger snaplen, and own traffic where one includes it.
 * @throws BpfleetError `PROGRAM_INVALID` for a program that the kernel's checker refuses, `REQUEST_INVALID` for a digest that
 *   is none or that two different programs have
 */
export function orderedMembers(members: readonly LinkMember[]): LinkMember[] {
  const byDigest = new Map<string, LinkMember>();
  for (const member of members) {
    const digest = member.digest.toLowerCase();
    check(member);
    const same = byDigest.get(digest);
    byDigest.set(digest, same === undefined ? { ...member, digest } : joined(same, member));
  }
  return [...byDigest.values()].sort((one, other) => (one.digest < other.digest ? -1 : 1));
}

function joined(one: LinkMember, other: LinkMember): LinkMember {
  if (textOf(one.program) !== textOf(other.program)) {
    throw new BpfleetError('REQUEST_INVALID', `two different programs have the digest ${one.digest}`);
  }
  return {
    ...one,
    snaplenBytes: Math.max(one.snaplenBytes, other.snaplenBytes),
    includeOwnTraffic: (one.includeOwnTraffic ?? false) || (other.includeOwnTraffic ?? false),
  };
}

function check({ digest, program, snaplenBytes }: LinkMember): void {
  if (!/^[0-9a-f]+$/i.test(digest)) throw new BpfleetError('REQUEST_INVALID', `"${digest}" is not a digest`);
  if (!Number.isInteger(snaplenBytes) || snaplenBytes < 1 || snaplenBytes > 0xffff_ffff) {
    throw new BpfleetError('REQUEST_INVALID', `member ${digest}: a snaplen of ${snaplenBytes} bytes`);
  }
  const fault = checkProgram(program);
  if (fault === undefined) return;
  throw new BpfleetError('PROGRAM_INVALID', `member ${digest}: instruction ${fault.instruction}: ${fault.message}`);
}

function textOf(program: Program): string {
  return program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`).join('\n');
}
