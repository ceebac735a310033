import { decodeProgram, encodeProgram, type Program } from '@bpfleet/bpf';
import { byInterface } from '@bpfleet/pcap-filter';
import type { SocketInterface } from '../border/opener-port.js';
import type { LinkContext, PlannedMember } from './kernel-program.js';
import type { Linker } from './linker.js';
import type { PlannedSocket } from './plan.js';

/** On more interfaces than this there is one socket on all of them (design: "Interfaces"). */
export const MOST_BOUND_INTERFACES = 16;

/** Interfaces on which the same filters run, in the same form. */
export interface SharedBranch {
  readonly interfaces: readonly SocketInterface[];
  readonly members: readonly PlannedMember[];
  readonly context: LinkContext;
}

/** A socket that is bound to no interface: its program asks first where a packet was seen. */
export interface SharedSocket {
  /** The same for the same purpose, whatever its branches. */
  readonly key: string;
  /** SOCK_DGRAM: packets come without their link-layer header, so these interfaces cannot share with the others. */
  readonly cooked: boolean;
  readonly isOwnSocket: boolean;
  readonly branches: readonly SharedBranch[];
}

export interface SharedPlan {
  readonly shared: readonly SharedSocket[];
  /** Bound to one interface each, as ever. */
  readonly bound: readonly PlannedSocket[];
}

/**
 * Puts what runs on many interfaces on few sockets: all linked filters on one (and one for cooked packets), each that needs a
 * socket of its own on one. eBPF cannot be joined, so it stays where it was.
 */
export function shareSockets(sockets: readonly PlannedSocket[]): SharedPlan {
  const interfaces = new Set(sockets.map(({ interface: { index } }) => index));
  if (interfaces.size <= MOST_BOUND_INTERFACES) return { shared: [], bound: sockets };
  const groups = new Map<string, PlannedSocket[]>();
  const bound: PlannedSocket[] = [];
  for (const socket of sockets) {
    if (socket.members.some(({ source }) => source.target === 'ebpf')) bound.push(socket);
    else grouped(groups, keyOf(socket)).push(socket);
  }
  const shared = [...groups].map(([key, group]) => sharedOf(key, group));
  return { shared, bound };
}

/**
 * What runs on it.
 * @param loopback the index of `lo`
 * @throws BpfleetError as `Linker.program` and `byInterface`; `FILTER_TOO_LARGE`: leave its sockets bound
 */
export function sharedProgram({ branches }: SharedSocket, linker: Linker, loopback: number | undefined): Uint8Array {
  const programs = branches.map(({ interfaces, members, context }) => ({
    interfaces: interfaces.map(({ index }) => index),
    program: classic(linker, members, context),
  }));
  return encodeProgram(byInterface(programs, loopback));
}

function classic(linker: Linker, members: readonly PlannedMember[], context: LinkContext): Program {
  const linked = linker.program(members, context, 'cbpf');
  return linked.target === 'cbpf' ? decodeProgram(linked.bytes) : [];
}

const keyOf = ({ interface: { cooked }, isOwnSocket, members }: PlannedSocket): string =>
  ['all', cooked ? 'cooked' : 'raw', isOwnSocket ? members[0]!.captured.digest : 'linked'].join(' ');

function sharedOf(key: string, group: readonly PlannedSocket[]): SharedSocket {
  const alike = new Map<string, PlannedSocket[]>();
  for (const socket of group) grouped(alike, branchOf(socket)).push(socket);
  const [{ interface: device, isOwnSocket }] = group as [PlannedSocket];
  const branches = [...alike.values()].map((sockets) => ({
    interfaces: sockets.map((socket) => socket.interface),
    members: sockets[0]!.members,
    context: sockets[0]!.context,
  }));
  return { key, cooked: device.cooked, isOwnSocket, branches };
}

const branchOf = ({ context: { linkType }, members }: PlannedSocket): string =>
  [linkType, ...members.map(({ captured }) => captured.digest).sort()].join(' ');

function grouped<T>(groups: Map<string, T[]>, key: string): T[] {
  const known = groups.get(key);
  if (known) return known;
  const group: T[] = [];
  groups.set(key, group);
  return group;
}
