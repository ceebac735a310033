import { Ancillary, BPF, fromTuples, type Program, SKF_AD_OFF, SKF_LL_OFF } from '@bpfleet/bpf';
import type { FilterProgram } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type { ExcludedEndpoint } from '@bpfleet/pcap-filter';
import type { CaptureMember, FilterOutcome, SocketInterface } from '../border/opener-port.js';
import type { LinkContext, PlannedMember } from './kernel-program.js';
import { reasonOf } from './linker.js';
import { mostThatFit } from './most-that-fit.js';
import { onNoInterface } from './on-no-interface.js';
import type { SelfTestResult } from './self-test.js';
import type { RefusedEntry, VerifiedEntry } from './verify-desired.js';

export interface HostInterface {
  readonly name: string;
  readonly index: number;
  /** `EN10MB`, or undefined where there is no form for it. */
  readonly linkType: string | undefined;
  readonly up: boolean;
  readonly isLoopback?: boolean;
}

/** One socket that should be there: its members are linked into one program. */
export interface PlannedSocket {
  /** The same for the same interface, link type and purpose, whatever its members. */
  readonly key: string;
  readonly interface: SocketInterface;
  readonly members: readonly PlannedMember[];
  /** Its one member cannot be decided again by user space, or not be linked with the others: the kernel's verdict counts. */
  readonly isOwnSocket: boolean;
  readonly context: LinkContext;
}

export interface SocketPlan {
  readonly sockets: readonly PlannedSocket[];
  /** Filters that do not run on an interface, or on none, with the reason. */
  readonly refused: readonly FilterOutcome[];
}

export interface PlanInputs {
  readonly entries: readonly VerifiedEntry[];
  /** Those that run nowhere. */
  readonly refused: readonly RefusedEntry[];
  readonly interfaces: readonly HostInterface[];
  /** Whether the agent may open the interface, by its own configuration. */
  readonly mayOpen: (name: string) => boolean;
  readonly matches: (patterns: readonly string[], name: string) => boolean;
  readonly excluded: readonly ExcludedEndpoint[];
  readonly linkerVersion: number;
  readonly selfTestOf: (entry: VerifiedEntry, linkType: string) => SelfTestResult;
  /** Why members cannot run together on one socket here; undefined: they can. Without it nothing runs in the kernel. */
  readonly faultOf?: (members: readonly PlannedMember[], context: LinkContext) => string | undefined;
}

/**
 * Which sockets should be there, and what runs on each. First those on which many filters run: where rings have no memory for all
 * sockets, it is the last ones that are refused.
 */
export function planSockets(inputs: PlanInputs): SocketPlan {
  const linkedSockets: PlannedSocket[] = [];
  const ownSockets: PlannedSocket[] = [];
  const refused: FilterOutcome[] = [];
  for (const device of inputs.interfaces) {
    if (!device.up || !inputs.mayOpen(device.name)) continue;
    const isOn = ({ interfaces }: { readonly interfaces: readonly string[] }) =>
      inputs.matches(interfaces, device.name);
    for (const entry of inputs.refused.filter(isOn)) refused.push(refusedOn(entry, device));
    const own: PlannedMember[] = [];
    const linked: PlannedMember[] = [];
    for (const entry of eachOnce(inputs.entries.filter(isOn))) {
      const member = memberOn(entry, device, inputs);
      if ('state' in member) refused.push(member);
      else if (inputs.faultOf && needsOwnSocket(member)) own.push(member);
      else linked.push(member);
    }
    const alone = loadable(own, device, inputs);
    const placed = place(linked, device, inputs);
    for (const member of [...alone.members, ...placed.apart]) ownSockets.push(ownSocket(member, device, inputs));
    if (placed.together.length > 0) linkedSockets.push(linkedSocket(placed.together, device, inputs));
    refused.push(...alone.refused, ...placed.refused);
  }
  return { sockets: [...linkedSockets, ...ownSockets], refused: [...refused, ...onNoInterface(inputs)] };
}

/** Of the members that may be linked: which run on one socket, which on sockets of their own, and which nowhere. */
interface Placed {
  readonly together: readonly PlannedMember[];
  readonly apart: readonly PlannedMember[];
  readonly refused: readonly FilterOutcome[];
}

/**
 * All together first: what this kernel takes together it takes alone, and most hosts have room for all. Only where it does not,
 * each is tried alone, so that one that cannot be linked or attached keeps none of the others from running.
 */
function place(members: readonly PlannedMember[], device: HostInterface, inputs: PlanInputs): Placed {
  const { faultOf } = inputs;
  const all = withRoom(members, device);
  const context = contextOf(device, inputs);
  if (all.members.length === 0 || faultOf?.(all.members, context) === undefined)
    return { together: all.members, apart: [], refused: all.refused };
  const alone = loadable(members, device, inputs);
  const rest = withRoom(alone.members, device);
  return { ...fitting(rest.members, context, faultOf), refused: [...alone.refused, ...rest.refused] };
}

interface Chosen {
  readonly members: readonly PlannedMember[];
  readonly refused: readonly FilterOutcome[];
}

/** Each by itself. */
function loadable(members: readonly PlannedMember[], device: HostInterface, inputs: PlanInputs): Chosen {
  const refused: FilterOutcome[] = [];
  const good = members.filter((member) => {
    const reason = inputs.faultOf?.([member], contextOf(device, inputs));
    if (reason !== undefined) refused.push({ ...outcomeOf(member.captured, device), state: 'refused', reason });
    return reason === undefined;
  });
  return { members: good, refused };
}

/** In their order, as far as a message has room for them. */
function withRoom(members: readonly PlannedMember[], device: HostInterface): Chosen {
  const refused: FilterOutcome[] = [];
  let roomBytes = MAX_MEMBERS_BYTES;
  const within = members.filter((member) => {
    const isWithin = roomBytes >= describedBytes(member);
    if (isWithin) roomBytes -= describedBytes(member);
    else refused.push(refusedFor(tooMuch(), member.captured, device));
    return isWithin;
  });
  return { members: within, refused };
}

/** Of a message that tells of a socket, with the members it has and those that it changes to. */
export const MAX_MEMBERS_BYTES = 7 * 1024 * 1024;
/** `[65535,255,255,4294967295],` */
const INSTRUCTION_CHARACTERS = 27;
const MEMBER_CHARACTERS = 1024;

/** What a member takes in a message, at most. */
export const describedBytes = ({ captured: { expression, program } }: PlannedMember): number =>
  MEMBER_CHARACTERS +
  program.instructions.length * INSTRUCTION_CHARACTERS +
  Buffer.byteLength(JSON.stringify(expression));

const tooMuch = (): BpfleetError =>
  new BpfleetError('FILTER_TOO_LARGE', 'the filters before it are as many as one interface has room for', {
    hint: 'run fewer or shorter filters on this interface',
  });

/** A state may name a bundle twice, for different interfaces. */
const eachOnce = (entries: readonly VerifiedEntry[]): VerifiedEntry[] => [
  ...new Map(entries.map((entry) => [entry.digest, entry])).values(),
];

/** Those that are too large for one program together get, longest first, sockets of their own. */
function fitting(members: readonly PlannedMember[], context: LinkContext, faultOf: NonNullable<PlanInputs['faultOf']>) {
  const sorted = [...members].sort((one, other) => lengthOf(one) - lengthOf(other));
  const inOrder = (some: ReadonlySet<PlannedMember>) => members.filter((member) => some.has(member));
  const first = (count: number) => inOrder(new Set(sorted.slice(0, count)));
  const most = mostThatFit(sorted.length, 1, (count) => faultOf(first(count), context) === undefined);
  return { together: first(most), apart: sorted.slice(most).reverse() };
}

const lengthOf = ({ source }: PlannedMember): number => source.instructions.length;

const interfaceOf = ({ name, index, linkType, isLoopback }: HostInterface): SocketInterface => ({
  name,
  index,
  linkType: linkType!,
  ...(isLoopback ? { isLoopback } : {}),
  // No form of ours for its header: the kernel leaves it out, and tells what was in it.
  cooked: linkType === 'LINUX_SLL2',
});

const contextOf = ({ linkType }: HostInterface, { excluded, linkerVersion }: PlanInputs): LinkContext => ({
  linkType: linkType ?? 'unknown',
  excluded,
  linkerVersion,
});

// A new interface of the same name is another interface, and so is one that was renamed, or that has another link type: who reads its
// ring has one form of each filter, and one interface block, for all that is in it.
const keyOf = ({ index, name, linkType }: HostInterface, purpose: string): string =>
  [index, name, linkType, purpose].join(' ');

const linkedSocket = (members: readonly PlannedMember[], device: HostInterface, inputs: PlanInputs): PlannedSocket => ({
  key: keyOf(device, 'linked'),
  interface: interfaceOf(device),
  members,
  isOwnSocket: false,
  context: contextOf(device, inputs),
});

// Two versions of one cannot be told apart by user space, so a new version is a new socket.
const ownSocket = ({ captured, source }: PlannedMember, device: HostInterface, inputs: PlanInputs): PlannedSocket => ({
  key: keyOf(device, captured.digest),
  interface: interfaceOf(device),
  members: [{ captured: { ...captured, program: decidedByKernel(captured.program.linkType) }, source }],
  isOwnSocket: true,
  context: contextOf(device, inputs),
});

/** What user space has of a filter that only the kernel decides: whatever is in the ring is its own. */
const decidedByKernel = (linkType: string): FilterProgram => ({
  linkType,
  form: 'live',
  target: 'cbpf',
  instructions: [[BPF.RET | BPF.K, 0, 0, 262_144]],
});

function memberOn(entry: VerifiedEntry, device: HostInterface, inputs: PlanInputs): PlannedMember | FilterOutcome {
  const { bundle, digest } = entry;
  const outcome = (state: FilterOutcome['state'], reason: string): FilterOutcome => ({
    ...outcomeOf({ ...bundle, digest }, device),
    state,
    reason,
  });
  const { linkType } = device;
  const source = bundle.programs.find((one) => one.form === 'live' && one.linkType === linkType);
  if (linkType === undefined || source === undefined) {
    return outcome('not applicable', `the version has no program for link type ${linkType ?? 'of this interface'}`);
  }
  const isExtended = source.target === 'ebpf';
  if (isExtended && !inputs.faultOf) return outcome('refused', 'it needs eBPF, which runs on sockets alone');
  if (isExtended && linkType === 'LINUX_SLL2') return outcome('not applicable', 'there is no cooked form of eBPF');
  if (!inputs.faultOf && source.target === 'cbpf' && asksForUnseen(fromTuples(source.instructions), IN_BYTES)) {
    return outcome('not applicable', 'it asks for what only the kernel knows of a packet, such as which way it went');
  }
  const { packets, inKernel, fault } = inputs.selfTestOf(entry, linkType);
  if (fault !== undefined) return outcome('refused', fault);
  const captured: CaptureMember = {
    filter: bundle.filter,
    version: bundle.version,
    digest,
    expression: bundle.expression,
    snaplenBytes: bundle.snaplenBytes,
    program: source.target === 'ebpf' ? decidedByKernel(linkType) : programAlone(source),
    sampling: bundle.sampling,
    budget: bundle.budget,
    selfTest: { packets, inKernel },
  };
  return { captured, source };
}

const programAlone = ({ linkType, form, target, instructions }: FilterProgram): FilterProgram => ({
  linkType,
  form,
  target,
  instructions,
});

interface Named {
  readonly filter: string;
  readonly version: number;
  readonly digest: string;
}

const outcomeOf = ({ filter, version, digest }: Named, device: HostInterface) => ({
  filter,
  version,
  digest,
  interface: device.name,
  linkType: device.linkType ?? 'unknown',
});

const refusedOn = ({ named, digest, error }: RefusedEntry, device: HostInterface): FilterOutcome =>
  refusedFor(error, { ...named, digest }, device);

const refusedFor = (error: BpfleetError, named: Named, device: HostInterface): FilterOutcome => ({
  ...outcomeOf(named, device),
  state: 'refused',
  code: error.code,
  reason: reasonOf(error),
});

/** Ancillary loads whose answer a ring's packet carries with it, or that depend on the program alone. */
const REPRODUCIBLE = new Set<number>([
  Ancillary.PROTOCOL,
  Ancillary.PKTTYPE,
  Ancillary.IFINDEX,
  Ancillary.ALU_XOR_X,
  Ancillary.VLAN_TAG,
  Ancillary.VLAN_TAG_PRESENT,
  Ancillary.VLAN_TPID,
]);

/** Those that a packet's bytes answer, where a source has nothing else. */
const IN_BYTES = new Set([...REPRODUCIBLE].filter((one) => one !== Ancillary.PKTTYPE && one !== Ancillary.IFINDEX));

const needsOwnSocket = ({ source }: PlannedMember): boolean =>
  source.target === 'ebpf' || asksForUnseen(fromTuples(source.instructions));

/** Whether the program asks for something that user space cannot ask again: metadata beyond what is `seen`. */
export function asksForUnseen(program: Program, seen: ReadonlySet<number> = REPRODUCIBLE): boolean {
  return program.some(({ code, k }) => {
    const isAbsoluteLoad = (code & 0x07) === BPF.LD && (code & 0xe0) === BPF.ABS;
    if (!isAbsoluteLoad || k < SKF_LL_OFF) return false;
    return k < SKF_AD_OFF || !seen.has(k - SKF_AD_OFF);
  });
}
