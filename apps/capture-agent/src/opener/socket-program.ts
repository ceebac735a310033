import { decodeProgram, encodeProgram } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { byInterface } from '@bpfleet/pcap-filter';
import { hashOf, type KernelProgram } from './kernel-program.js';
import type { Linker } from './linker.js';
import { describedBytes, MAX_MEMBERS_BYTES } from './plan.js';
import type { PlannedBranch, SocketWish } from './socket-wish.js';

type Runs = Pick<SocketWish, 'isShared' | 'branches'>;

/**
 * Does something with the program of a whole socket. Of one that is bound it is the program of its members, classic or, where
 * that is too large, extended.
 * @throws BpfleetError why it will not do
 */
export function withProgramOf<T>(
  { isShared, branches }: Runs,
  linker: Linker,
  action: (program: KernelProgram) => T,
): T {
  if (isShared) return action(sharedProgram(branches, linker));
  const [{ members, context }] = branches as readonly [PlannedBranch];
  return linker.withFitting(members, context, action);
}

/** Whether this kernel takes it. */
export function faultOfSocket(runs: Runs, linker: Linker): string | undefined {
  return linker.faultOf((action) => withProgramOf(runs, linker, action));
}

/**
 * One program for a socket that is bound to no interface.
 * @throws BpfleetError as `Linker.program` and `byInterface`; `FILTER_TOO_LARGE`
 */
export function sharedProgram(branches: readonly PlannedBranch[], linker: Linker): KernelProgram {
  const devices = branches.flatMap(({ interfaces }) => interfaces);
  const loopback = devices.find(({ isLoopback }) => isLoopback)?.index;
  if (branches.flatMap(({ members }) => members).reduce((sum, one) => sum + describedBytes(one), 0) > MAX_MEMBERS_BYTES)
    throw new BpfleetError('FILTER_TOO_LARGE', 'the filters of all interfaces are more than one socket has room for');
  const programs = branches.map(({ interfaces, members, context }) => ({
    interfaces: interfaces.map(({ index }) => index),
    linked: linker.program(members, context, 'cbpf'),
  }));
  const bytes = encodeProgram(
    byInterface(
      programs.map(({ interfaces, linked }) => ({
        interfaces,
        program: linked.target === 'cbpf' ? decodeProgram(linked.bytes) : [],
      })),
      loopback,
    ),
  );
  const { excluded, linkerVersion } = branches[0]!.context;
  return {
    target: 'cbpf',
    bytes,
    hash: hashOf(bytes),
    members: [...new Set(programs.flatMap(({ linked }) => linked.members))].sort(),
    context: { linkType: '*', excluded, linkerVersion },
    branches: branches.map(({ interfaces, context: { linkType } }, number) => ({
      ...{ interfaces, linkType },
      members: programs[number]!.linked.members,
    })),
  };
}
