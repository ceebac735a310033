import { checkProgram, type EbpfProgram, MAX_INSTRUCTIONS, type Program, translateToEbpf } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { assemble } from './assemble.js';
import { cookedForm } from './cooked-form.js';
import { START } from './facts.js';
import { Listing } from './listing.js';
import { type LinkMember, orderedMembers } from './members.js';
import { type ExcludedEndpoint, ownTraffic } from './own-traffic.js';
import { Places } from './places.js';
import { wordsWorthSharing } from './shared-words.js';
import { type Written, writeMember } from './write-member.js';
import { type Part, writeProgram } from './write-program.js';

export interface LinkInput {
  /** libpcap's name of what the members look at: `EN10MB`. */
  readonly linkType: string;
  readonly members: readonly LinkMember[];
  /** TCP to or from these is refused, except by members that include own traffic. */
  readonly excluded: readonly ExcludedEndpoint[];
  /** For a socket that leaves the link-layer header out; members look at LINUX_SLL2 all the same. */
  readonly cooked?: boolean;
}

/** What an attester compares with what the kernel runs. */
interface Linked {
  /** Digests of the members, each once, in the order that the linker gives them. */
  readonly digests: readonly string[];
  /** What the program returns for every packet it accepts. */
  readonly acceptBytes: number;
}
export interface LinkedClassic extends Linked {
  readonly program: Program;
}
export interface LinkedEbpf extends Linked {
  readonly program: EbpfProgram;
}

/**
 * Joins the members into one classic program that accepts a packet exactly where one of them does, own traffic aside. Depends
 * on the input alone, not on the order of members and endpoints.
 * @throws BpfleetError `FILTER_TOO_LARGE` for a program longer than the kernel takes; `FILTER_UNSUPPORTED` for loads relative to
 *   a header, and for own traffic on a link type where it cannot be told; `PROGRAM_INVALID`, `REQUEST_INVALID` for members
 *   that are none
 */
export function linkClassic(input: LinkInput): LinkedClassic {
  const linked = linkOfAnyLength(input);
  const fault = checkProgram(linked.program);
  if (fault === undefined) return linked;
  const over = linked.program.length - MAX_INSTRUCTIONS;
  const how =
    over > 0 ? `${linked.program.length} instructions, ${over} more than a classic one may have` : fault.message;
  if (fault.rule !== 'program-length' && fault.rule !== 'jump-too-long') {
    throw new BpfleetError('INTERNAL', `the linked program breaks the rule ${fault.rule}: ${fault.message}`);
  }
  throw new BpfleetError('FILTER_TOO_LARGE', `the linked program is too large: ${how}`, {
    hint: hintFor(linked.program),
  });
}

/** The same as an eBPF socket filter, of any length that its jumps allow. */
export function linkEbpf(input: LinkInput): LinkedEbpf {
  const linked = linkOfAnyLength(input);
  return { ...linked, program: translateToEbpf(linked.program).program };
}

function hintFor(program: Program): string {
  try {
    return `as eBPF it would fit, with ${translateToEbpf(program).program.length} instructions`;
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    return `link fewer filters: as eBPF it does not fit either (${error.message})`;
  }
}

function linkOfAnyLength({ linkType, members, excluded, cooked = false }: LinkInput): LinkedClassic {
  if (cooked && linkType !== 'LINUX_SLL2') {
    throw new BpfleetError('REQUEST_INVALID', `there is no cooked form of ${linkType}`);
  }
  const ordered = orderedMembers(members);
  const alone = ordered.map((member): Alone => ({ ...member, ...writtenMember(member) }));
  const exclusion = excluded.length === 0 ? undefined : exclusionOf(ownTraffic(excluded, linkType));
  const parts = partsOf(alone, exclusion);
  const acceptBytes = acceptBytesOf(alone, exclusion);
  const program = assemble(writeProgram(parts, acceptBytes, wordsWorthSharing(parts)).lines);
  return {
    program: cooked ? cookedForm(program) : program,
    digests: ordered.map(({ digest }) => digest),
    acceptBytes,
  };
}

/** A member and what is found out about its program by itself. */
type Alone = LinkMember & Written;

function writtenMember({ digest, program }: LinkMember): Written {
  try {
    return writtenAlone(program);
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    throw new BpfleetError(error.code, `member ${digest}: ${error.message}`, { cause: error });
  }
}

/** By itself: what a member reads does not depend on the others, since user space decides all of them again. */
function writtenAlone(program: Program): Written {
  const listing = new Listing();
  const [accept, fail] = [listing.newLabel(), listing.newLabel()];
  const places = new Places(program, listing);
  places.enter(0, START);
  return writeMember(program, places, { listing, accept, fail: () => fail, shared: new Map() });
}

function exclusionOf(program: Program): Part {
  return { program, alone: writtenAlone(program), isOwnTraffic: true };
}

/**
 * Enough of the packet for every member's snaplen, and for user space to decide all members again. Where only some include own
 * traffic, a packet that one of those accepted may be of it, and has to be kept from the others.
 */
function acceptBytesOf(members: readonly Alone[], exclusion: Part | undefined): number {
  const including = members.filter(({ includeOwnTraffic }) => includeOwnTraffic).length;
  const isMixed = including > 0 && including < members.length;
  const needed = members.map(({ snaplenBytes, bytesRead }) => Math.max(snaplenBytes, bytesRead));
  return Math.max(1, ...needed, isMixed ? (exclusion?.alone.bytesRead ?? 0) : 0);
}

/** Members that include own traffic come before the test for it, all others behind. */
function partsOf(members: readonly Alone[], exclusion: Part | undefined): Part[] {
  const asPart = ({ program, ...alone }: Alone): Part => ({ program, alone, isOwnTraffic: false });
  if (exclusion === undefined) return members.map(asPart);
  return [
    ...members.filter(({ includeOwnTraffic }) => includeOwnTraffic).map(asPart),
    exclusion,
    ...members.filter(({ includeOwnTraffic }) => !includeOwnTraffic).map(asPart),
  ];
}
