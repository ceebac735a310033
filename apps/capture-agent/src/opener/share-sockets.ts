import { mostThatFit } from './most-that-fit.js';
import type { PlannedSocket } from './plan.js';
import { boundWish, branchesOf, type PlannedBranch, type SocketWish } from './socket-wish.js';

/** On more interfaces than this there is one socket on all of them (design: "Interfaces"). */
export const MOST_BOUND_INTERFACES = 16;
/** And on no more than this each has its own again: one container that comes and goes moves nothing. */
export const FEW_SHARING_INTERFACES = MOST_BOUND_INTERFACES / 2;
/** As many leave half of a program for filters. Others keep a socket of their own, as long as there is memory for it. */
export const MOST_SHARING_INTERFACES = 512;

export interface SharingInputs {
  /** Whether there are shared sockets already. */
  readonly areShared: boolean;
  /** Why all this cannot run on one socket; undefined: it can. */
  readonly faultOf: (branches: readonly PlannedBranch[]) => string | undefined;
}

/**
 * Puts what runs on many interfaces on few sockets: all linked filters on one (and one for cooked packets), each that needs a
 * socket of its own on one. Bound to one interface stays what does not fit.
 */
export function shareSockets(sockets: readonly PlannedSocket[], inputs: SharingInputs): SocketWish[] {
  const interfaces = new Set(sockets.map(({ interface: { index } }) => index));
  const most = inputs.areShared ? FEW_SHARING_INTERFACES : MOST_BOUND_INTERFACES;
  if (interfaces.size <= most) return sockets.map(boundWish);
  const groups = new Map<string, PlannedSocket[]>();
  const bound: PlannedSocket[] = [];
  for (const socket of sockets) {
    const group = grouped(groups, keyOf(socket));
    if (group.length === MOST_SHARING_INTERFACES) bound.push(socket);
    else group.push(socket);
  }
  const shared: SocketWish[] = [];
  for (const [key, group] of groups) {
    const { branches, apart } = fitting(branchesOf(group), inputs.faultOf);
    bound.push(...group.filter(({ interface: { index } }) => apart.has(index)));
    if (branches.length > 0) shared.push(sharedWish(key, group, branches));
  }
  return [...shared, ...bound.map(boundWish)];
}

const sharedWish = (
  key: string,
  [first]: readonly PlannedSocket[],
  branches: readonly PlannedBranch[],
): SocketWish => ({
  key,
  isShared: true,
  cooked: first!.interface.cooked,
  isOwnSocket: first!.isOwnSocket,
  branches,
});

const keyOf = ({ interface: { cooked }, isOwnSocket, members }: PlannedSocket): string =>
  ['all', cooked ? 'cooked' : 'raw', isOwnSocket ? members[0]!.captured.digest : 'linked'].join(' ');

/** What is too large together leaves, first what is long on few interfaces. @returns the indexes of its interfaces as `apart` */
function fitting(all: readonly PlannedBranch[], faultOf: SharingInputs['faultOf']) {
  const sorted = [...all].sort((one, other) => costOf(one) - costOf(other));
  const most = mostThatFit(sorted.length, 0, (count) => faultOf(sorted.slice(0, count)) === undefined);
  const apart = sorted.slice(most).flatMap(({ interfaces }) => interfaces.map(({ index }) => index));
  return { branches: sorted.slice(0, most), apart: new Set(apart) };
}

/** Instructions for each socket that is saved. */
const costOf = ({ members, interfaces }: PlannedBranch): number =>
  members.reduce((sum, { source }) => sum + source.instructions.length, 0) / interfaces.length;

function grouped<T>(groups: Map<string, T[]>, key: string): T[] {
  const known = groups.get(key);
  if (known) return known;
  const group: T[] = [];
  groups.set(key, group);
  return group;
}
