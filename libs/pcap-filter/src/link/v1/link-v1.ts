import { BPF, checkProgram, type EbpfProgram, MAX_INSTRUCTIONS, type Program, translateToEbpf } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { assemble } from './assemble.js';
import { type Facts, START } from './facts.js';
import { type Label, Listing } from './listing.js';
import { type LinkMember, orderedMembers } from './members.js';
import { type ExcludedEndpoint, ownTraffic } from './own-traffic.js';
import { candidates, freeWords, ranked } from './shared-words.js';
import { type Written, writeMember } from './write-member.js';

export interface LinkInput {
  /** libpcap's name of what the members look at: `EN10MB`. */
  readonly linkType: string;
  readonly members: readonly LinkMember[];
  /** TCP to or from these is refused, except by members that include own traffic. */
  readonly excluded: readonly ExcludedEndpoint[];
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

/** A program in its place, and where it leads when it accepts. */
interface Part {
  readonly program: Program;
  readonly isOwnTraffic: boolean;
}

function linkOfAnyLength({ linkType, members, excluded }: LinkInput): LinkedClassic {
  const ordered = orderedMembers(members);
  const parts = partsOf(ordered, excluded.length === 0 ? undefined : ownTraffic(excluded, linkType));
  const alone = parts.map(({ program }) => writtenAlone(program));
  const acceptBytes = acceptBytesOf(ordered);
  const shared = wordsWorthSharing(parts, alone);
  return {
    program: assemble(write(parts, acceptBytes, shared).lines),
    digests: ordered.map(({ digest }) => digest),
    acceptBytes,
  };
}

/** Members that include own traffic come before the test for it, all others behind. */
function partsOf(members: readonly LinkMember[], exclusion: Program | undefined): Part[] {
  const asPart = ({ program }: LinkMember): Part => ({ program, isOwnTraffic: false });
  if (exclusion === undefined) return members.map(asPart);
  return [
    ...members.filter(({ includeOwnTraffic }) => includeOwnTraffic).map(asPart),
    { program: exclusion, isOwnTraffic: true },
    ...members.filter(({ includeOwnTraffic }) => !includeOwnTraffic).map(asPart),
  ];
}

/**
 * Enough of the packet for every member's snaplen, and for deciding again in user space which members accept. What a member
 * reads is worked out without the others: it may read on where another has already accepted.
 */
function acceptBytesOf(members: readonly LinkMember[]): number {
  return members.reduce(
    (most, { program, snaplenBytes }) => Math.max(most, snaplenBytes, writtenAlone(program).bytesRead),
    1,
  );
}

function writtenAlone(program: Program): Written {
  const listing = new Listing();
  const [accept, fail] = [listing.newLabel(), listing.newLabel()];
  return writeMember(program, START, { listing, accept, fail, shared: new Map() });
}

/**
 * Which parts of the packet are kept in words of M[] that no member uses, for the members behind. First all that two members
 * load are tried, on words there may not be; those that then stand in for most loads get the free ones.
 */
function wordsWorthSharing(parts: readonly Part[], alone: readonly Written[]): Map<string, number> {
  const names = candidates(alone.map(({ loaded }) => loaded));
  const free = freeWords(parts.map(({ program }) => program));
  const firstTrial = 16;
  const { sharedReads } = write(parts, 1, new Map(names.map((name, index) => [name, firstTrial + index])));
  const reads = new Map<string, number>();
  for (const word of sharedReads) {
    const name = names[word - firstTrial];
    if (name !== undefined) reads.set(name, (reads.get(name) ?? 0) + 1);
  }
  const chosen = ranked(reads, 1).slice(0, free.length);
  return new Map(chosen.map((name, index) => [name, free[index] as number]));
}

function write(parts: readonly Part[], acceptBytes: number, shared: ReadonlyMap<string, number>) {
  const listing = new Listing();
  const [accept, reject] = [listing.newLabel(), listing.newLabel()];
  const sharedReads: number[] = [];
  let facts: Facts | undefined = START;
  for (const { program, isOwnTraffic } of parts) {
    // Nothing gets past a member that accepts everything.
    if (facts === undefined) break;
    const fail = listing.newLabel();
    const written: Written = writeMember(program, facts, {
      listing,
      accept: isOwnTraffic ? reject : accept,
      fail,
      shared,
    });
    for (const end of [accept, reject]) listing.relay(end);
    listing.place(fail);
    facts = written.onFail;
    sharedReads.push(...written.sharedReads);
  }
  writeEnds(listing, accept, reject, acceptBytes);
  return { lines: listing.lines, sharedReads };
}

function writeEnds(listing: Listing, accept: Label, reject: Label, acceptBytes: number): void {
  listing.place(reject);
  listing.plain(BPF.RET | BPF.K, 0);
  listing.place(accept);
  listing.plain(BPF.RET | BPF.K, acceptBytes);
}
