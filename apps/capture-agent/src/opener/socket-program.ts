import { decodeProgram, encodeProgram } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { byInterface, byInterfaceEbpf } from '@bpfleet/pcap-filter';
import { hashOf, hashOfFilter, type KernelProgram } from './kernel-program.js';
import { classicOrExtended, type Linker } from './linker.js';
import { describedBytes, MAX_MEMBERS_BYTES } from './plan.js';
import type { PlannedBranch, SocketWish } from './socket-wish.js';

/** Members that a statement has room for. */
const MOST_STATED = 1024;

type Runs = Pick<SocketWish, 'isShared' | 'branches'>;

/**
 * Does something with the program of a whole socket: the classic one or, where that is too large, the extended one.
 * @throws BpfleetError why it will not do
 */
export function withProgramOf<T>(
  { isShared, branches }: Runs,
  linker: Linker,
  action: (program: KernelProgram) => T,
): T {
  const [first] = branches as readonly [PlannedBranch];
  if (!isShared) return linker.withFitting(first.members, first.context, action);
  const members = branches.flatMap((branch) => branch.members);
  const isTooMuch = members.reduce((sum, one) => sum + describedBytes(one), 0) > MAX_MEMBERS_BYTES;
  if (isTooMuch || new Set(members.map(({ captured }) => captured.digest)).size > MOST_STATED)
    throw new BpfleetError('FILTER_TOO_LARGE', 'the filters of all interfaces are more than one socket has room for');
  return classicOrExtended(members, (target) => action(sharedProgram(branches, linker, target)));
}

/** Whether this kernel takes it. */
export function faultOfSocket(runs: Runs, linker: Linker): string | undefined {
  return linker.faultOf((action) => withProgramOf(runs, linker, action));
}

/**
 * One program for a socket that is bound to no interface. No packet can be tried through an extended one: on the socket that
 * would take them they are seen on no interface.
 * @throws BpfleetError as `Linker.program` and `byInterface`; `FILTER_TOO_LARGE`
 */
export function sharedProgram(
  branches: readonly PlannedBranch[],
  linker: Linker,
  target: 'cbpf' | 'ebpf',
): KernelProgram {
  const { excluded, linkerVersion } = branches[0]!.context;
  const linked = branches.map(({ members, context }) => linker.program(members, context, target));
  return {
    members: [...new Set(linked.flatMap(({ members }) => members))].sort(),
    context: { linkType: '*', excluded, linkerVersion },
    branches: branches.map(({ interfaces, context: { linkType } }, number) => ({
      ...{ interfaces, linkType },
      members: linked[number]!.members,
    })),
    ...joined(branches, linked, target),
  };
}

function joined(branches: readonly PlannedBranch[], linked: readonly KernelProgram[], target: 'cbpf' | 'ebpf') {
  const loopback = branches.flatMap(({ interfaces }) => interfaces).find(({ isLoopback }) => isLoopback)?.index;
  const on = linked.map((program, number) => {
    const interfaces = branches[number]!.interfaces.map(({ index }) => index);
    return { interfaces, linked: program };
  });
  if (target === 'ebpf') {
    const filter = byInterfaceEbpf(
      on.map(({ interfaces, linked: one }) => ({ interfaces, filter: one.target === 'ebpf' ? one.filter : NONE })),
      loopback,
    );
    return { target, filter, hash: hashOfFilter(filter), canary: [] };
  }
  const programs = on.map(({ interfaces, linked: one }) => ({
    interfaces,
    program: one.target === 'cbpf' ? decodeProgram(one.bytes) : [],
  }));
  const bytes = encodeProgram(byInterface(programs, loopback));
  return { target, bytes, hash: hashOf(bytes) };
}

const NONE = { program: [], maps: [] };
