import type { SocketInterface } from '../border/opener-port.js';
import type { LinkContext, PlannedMember } from './kernel-program.js';
import type { PlannedSocket } from './plan.js';

/** Interfaces on which the same filters run, in the same form. */
export interface PlannedBranch {
  readonly interfaces: readonly SocketInterface[];
  readonly members: readonly PlannedMember[];
  readonly context: LinkContext;
}

/** A socket that should be there, with all that should run on it. */
export interface SocketWish {
  /** The same for the same purpose, whatever its members and, where it is shared, its interfaces. */
  readonly key: string;
  /** It is bound to no interface: its program asks first where a packet was seen. Otherwise it has one branch of one interface. */
  readonly isShared: boolean;
  /** SOCK_DGRAM: packets come without their link-layer header. */
  readonly cooked: boolean;
  readonly isOwnSocket: boolean;
  readonly branches: readonly PlannedBranch[];
}

/** What runs on one interface. */
export type OnInterface = Pick<PlannedSocket, 'interface' | 'members' | 'context'>;

/** On the interface alone. */
export const boundWish = (socket: PlannedSocket): SocketWish => ({
  key: socket.key,
  isShared: false,
  cooked: socket.interface.cooked,
  isOwnSocket: socket.isOwnSocket,
  branches: branchesOf([socket]),
});

/** Interfaces with the same filters in the same form, together. */
export function branchesOf(all: readonly OnInterface[]): PlannedBranch[] {
  const alike = new Map<string, OnInterface[]>();
  for (const one of all) {
    const key = [one.context.linkType, ...digestsOf(one)].join(' ');
    alike.set(key, [...(alike.get(key) ?? []), one]);
  }
  return [...alike.values()].map((ones) => ({
    interfaces: ones.map((one) => one.interface),
    members: ones[0]!.members,
    context: ones[0]!.context,
  }));
}

/** By the index of the interface. */
export const byIndex = ({ branches }: Pick<SocketWish, 'branches'>): Map<number, OnInterface> =>
  new Map(
    branches.flatMap(({ interfaces, ...rest }) =>
      interfaces.map((device) => [device.index, { interface: device, ...rest }] as const),
    ),
  );

/** What has to be attached while a socket goes from one wish to the next: on each interface what either has. */
export function unionOf(before: SocketWish, next: SocketWish): PlannedBranch[] {
  const [old, all] = [byIndex(before), byIndex(next)];
  // What is excluded is the same on all, and that of the next.
  const { excluded, linkerVersion } = next.branches[0]!.context;
  for (const [index, one] of old) {
    // What comes has another form now, which the programs of before do not ask.
    if (isOfAnotherForm(one, all.get(index))) continue;
    const { context, members } = all.get(index) ?? { ...one, members: [] };
    const union = new Map([...one.members, ...members].map((member) => [member.captured.digest, member]));
    all.set(index, {
      interface: one.interface,
      members: [...union.values()],
      context: { ...context, excluded, linkerVersion },
    });
  }
  return branchesOf([...all.values()]);
}

/** Whether the same runs on an interface, in both. */
export const isAlike = (one: OnInterface | undefined, other: OnInterface | undefined): boolean =>
  one?.interface.name === other?.interface.name &&
  !isOfAnotherForm(one, other) &&
  digestsOf(one).join() === digestsOf(other).join();

/** Both are there, and the interface's link type changed in between. */
const isOfAnotherForm = (one: OnInterface | undefined, other: OnInterface | undefined): boolean =>
  one !== undefined && other !== undefined && one.interface.linkType !== other.interface.linkType;

/** Whether who attributes has nothing to hear of. */
export function isSameForReader(one: SocketWish, other: SocketWish): boolean {
  const [some, others] = [byIndex(one), byIndex(other)];
  return some.size === others.size && [...some].every(([index, on]) => isAlike(on, others.get(index)));
}

/** On one interface at least, of one link type, they have a filter in common, in whatever versions. */
export function haveFilterInCommon(one: SocketWish, other: SocketWish): boolean {
  const others = byIndex(other);
  return [...byIndex(one)].some(([index, on]) => {
    const other = others.get(index);
    if (isOfAnotherForm(on, other)) return false;
    const names = new Set(other?.members.map(({ captured }) => captured.filter));
    return on.members.some(({ captured }) => names.has(captured.filter));
  });
}

const digestsOf = (one: Pick<OnInterface, 'members'> | undefined): string[] =>
  [...new Set(one?.members.map(({ captured }) => captured.digest))].sort();
