import { Ancillary, BPF, fromTuples, type Program, SKF_AD_OFF } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { type ExcludedEndpoint, link } from '@bpfleet/pcap-filter';
import type { CaptureMember, FilterOutcome, SocketInterface } from '../border/opener-port.js';
import type { SelfTestResult } from './self-test.js';
import type { VerifiedEntry } from './verify-desired.js';

export interface HostInterface {
  readonly name: string;
  readonly index: number;
  /** `EN10MB`, or undefined where there is no form for it. */
  readonly linkType: string | undefined;
  readonly up: boolean;
}

/** One socket that should be there: its members are linked into one program. */
export interface PlannedSocket {
  /** The same for the same interface and purpose, whatever its members. */
  readonly key: string;
  readonly interface: SocketInterface;
  readonly members: readonly CaptureMember[];
  /** The member decides by metadata that the ring does not carry: the kernel's verdict is the only one. */
  readonly isOwnSocket: boolean;
}

export interface SocketPlan {
  readonly sockets: readonly PlannedSocket[];
  /** Filters that do not run on an interface, with the reason. */
  readonly refused: readonly FilterOutcome[];
}

export interface PlanInputs {
  readonly entries: readonly VerifiedEntry[];
  readonly interfaces: readonly HostInterface[];
  /** Whether the agent may open the interface, by its own configuration. */
  readonly mayOpen: (name: string) => boolean;
  readonly matches: (patterns: readonly string[], name: string) => boolean;
  readonly excluded: readonly ExcludedEndpoint[];
  readonly linkerVersion: number;
  readonly selfTestOf: (entry: VerifiedEntry, linkType: string) => SelfTestResult;
}

/** Which sockets should be there, and what runs on each. */
export function planSockets(inputs: PlanInputs): SocketPlan {
  const sockets: PlannedSocket[] = [];
  const refused: FilterOutcome[] = [];
  for (const device of inputs.interfaces) {
    if (!device.up || !inputs.mayOpen(device.name)) continue;
    const onDevice = inputs.entries.filter(({ interfaces }) => inputs.matches(interfaces, device.name));
    const linked: CaptureMember[] = [];
    for (const entry of onDevice) {
      const member = memberOn(entry, device, inputs);
      if ('state' in member) refused.push(member);
      else if (needsOwnSocket(fromTuples(member.program.instructions))) sockets.push(ownSocket(member, device));
      else linked.push(member);
    }
    if (linked.length > 0) sockets.push(linkedSocket(linked, device));
  }
  return { sockets, refused };
}

const interfaceOf = ({ name, index, linkType }: HostInterface): SocketInterface => ({
  name,
  index,
  linkType: linkType!,
  // No form of ours for its header: the kernel leaves it out, and tells what was in it.
  cooked: linkType === 'LINUX_SLL2',
});

// A new interface of the same name is another interface.
const linkedSocket = (members: readonly CaptureMember[], device: HostInterface): PlannedSocket => ({
  key: `${device.index} linked`,
  interface: interfaceOf(device),
  members,
  isOwnSocket: false,
});

// Two versions of one cannot be told apart by user space, so a new version is a new socket.
const ownSocket = (member: CaptureMember, device: HostInterface): PlannedSocket => ({
  key: `${device.index} ${member.digest}`,
  interface: interfaceOf(device),
  members: [member],
  isOwnSocket: true,
});

function memberOn(entry: VerifiedEntry, device: HostInterface, inputs: PlanInputs): CaptureMember | FilterOutcome {
  const { bundle, digest } = entry;
  const outcome = (state: FilterOutcome['state'], reason: string): FilterOutcome => ({
    filter: bundle.filter,
    version: bundle.version,
    digest,
    interface: device.name,
    linkType: device.linkType ?? 'unknown',
    state,
    reason,
  });
  const { linkType } = device;
  const program = bundle.programs.find((one) => one.form === 'live' && one.linkType === linkType);
  if (linkType === undefined || program === undefined) {
    return outcome('not applicable', `the version has no program for link type ${linkType ?? 'of this interface'}`);
  }
  if (program.target !== 'cbpf') return outcome('refused', 'it needs eBPF, which this agent does not attach');
  const { packets, inKernel, fault } = inputs.selfTestOf(entry, linkType);
  if (fault !== undefined) return outcome('refused', fault);
  const { selfTest: _, ...instructions } = program;
  const member: CaptureMember = {
    filter: bundle.filter,
    version: bundle.version,
    digest,
    expression: bundle.expression,
    snaplenBytes: bundle.snaplenBytes,
    program: instructions,
    sampling: bundle.sampling,
    budget: bundle.budget,
    selfTest: { packets, inKernel },
  };
  const cause = faultOf(member, linkType, inputs);
  return cause === undefined ? member : outcome('refused', cause);
}

/** Alone: so that one that cannot be linked keeps none of the others from running. */
function faultOf(member: CaptureMember, linkType: string, { excluded, linkerVersion }: PlanInputs): string | undefined {
  try {
    linkMembers([member], { linkType, excluded, linkerVersion });
    return undefined;
  } catch (error) {
    if (error instanceof BpfleetError) return [error.message, error.hint].filter(Boolean).join('; ');
    throw error;
  }
}

export interface LinkContext {
  readonly linkType: string;
  readonly excluded: readonly ExcludedEndpoint[];
  readonly linkerVersion: number;
}

/** @throws BpfleetError as `link` */
export function linkMembers(members: readonly CaptureMember[], { linkType, excluded, linkerVersion }: LinkContext) {
  return link({
    linkerVersion,
    target: 'cbpf',
    linkType,
    cooked: linkType === 'LINUX_SLL2',
    excluded,
    members: members.map(({ digest, program, snaplenBytes }) => ({
      digest: digest.replace('sha256:', ''),
      program: fromTuples(program.instructions),
      snaplenBytes,
    })),
  });
}

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

/** Whether the program asks for something that user space cannot ask again. */
export function needsOwnSocket(program: Program): boolean {
  return program.some(({ code, k }) => {
    const isAbsoluteLoad = (code & 0x07) === BPF.LD && (code & 0xe0) === BPF.ABS;
    return isAbsoluteLoad && k >= SKF_AD_OFF && !REPRODUCIBLE.has(k - SKF_AD_OFF);
  });
}
