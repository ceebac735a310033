import type { FilterOutcome, SocketInterface } from '../border/opener-port.js';
import type { PlannedMember } from './kernel-program.js';
import { byIndex, isAlike, type OnInterface, type SocketWish } from './socket-wish.js';

type Found = Pick<FilterOutcome, 'state' | 'reason'>;

/** How a socket stands. */
export interface SocketStanding {
  readonly id: number;
  /** Of the program that is attached. */
  readonly hash: string;
  /** What may be said of all that is in it. */
  readonly found: Found;
  /** What the agent attributes with. */
  readonly current: SocketWish;
  /** What it should come to. */
  readonly wish: SocketWish;
  /** Why what was wished for cannot be. */
  readonly refused: string | undefined;
  readonly isSwapping: boolean;
  readonly isTakingOver: boolean;
  /** The kernel ran another program: in words. */
  readonly divergence: string | undefined;
}

/** What became of each filter that is wished for, on each interface. */
export function outcomesOf(standing: SocketStanding): FilterOutcome[] {
  const current = byIndex(standing.current);
  return [...byIndex(standing.wish)].flatMap(([index, on]) =>
    on.members.map((member) =>
      outcome(member, on.interface, standing, stateOf(member, on, current.get(index), standing)),
    ),
  );
}

function outcome(
  { captured: { filter, version, digest, selfTest } }: PlannedMember,
  { name, linkType }: SocketInterface,
  { id, hash }: SocketStanding,
  state: Found,
): FilterOutcome {
  return {
    ...{ filter, version, digest, interface: name, linkType, socket: id, attachedDigest: hash },
    ...(selfTest ? { selfTest } : {}),
    ...state,
  };
}

function stateOf(
  { captured: { digest } }: PlannedMember,
  on: OnInterface,
  now: OnInterface | undefined,
  { found, current, refused, isSwapping, isTakingOver, divergence }: SocketStanding,
): Found {
  const isCurrent = now?.members.some((member) => member.captured.digest === digest) ?? false;
  if (refused !== undefined && !isCurrent) return { state: 'refused', reason: refused };
  if (isTakingOver || (isSwapping && !isAlike(on, now))) return { state: 'pending', reason: 'the swap is under way' };
  if (divergence !== undefined) return { state: 'diverged', reason: divergence };
  const kinds = [...(current.isOwnSocket ? ['own socket'] : []), ...(current.isShared ? ['shared socket'] : [])];
  return kinds.length === 0 ? found : { reason: kinds.join(', '), ...found };
}
