/** Four blocks: with fewer the kernel has nowhere to go on while one is read. */
export const RING_MIN_BYTES = 1024 * 1024;

/** How large the ring of a socket that is opened now becomes, and whether another has to give way. */
export interface RingShare {
  readonly ringBytes: number;
  /** The largest ring has to be halved, for there is no memory left. */
  readonly mustShrink: boolean;
}

/**
 * Divides the memory for rings. The first sockets share it evenly. Those that come later take what is left, at most an even
 * share; where nothing is left the largest ring gives half of itself away.
 * @param held bytes of the rings there are
 * @param opening how many are to come, this one included
 * @returns undefined when there is room for none, however small
 */
export function ringShare(budgetBytes: number, held: readonly number[], opening: number): RingShare | undefined {
  const left = budgetBytes - held.reduce((sum, bytes) => sum + bytes, 0);
  const even = Math.floor(budgetBytes / (held.length + opening));
  const shareOf = (bytes: number) => Math.max(RING_MIN_BYTES, Math.min(even, Math.floor(bytes / opening)));
  if (shareOf(left) <= left) return { ringBytes: shareOf(left), mustShrink: false };
  const largest = Math.max(0, ...held);
  if (largest < 2 * RING_MIN_BYTES) return undefined;
  return { ringBytes: shareOf(left + largest / 2), mustShrink: true };
}

/** The size of each ring, once all that are to come are there. */
export interface RingDivision {
  /** Of those there are, in their order: some become smaller. */
  readonly held: readonly number[];
  /** Of those to come, in their order; there is no memory for more than these. */
  readonly opening: readonly number[];
}

/** Decides for all at once, so that no ring is made smaller twice. */
export function divideRings(budgetBytes: number, held: readonly number[], opening: number): RingDivision {
  const rings = [...held];
  for (let left = opening; left > 0; left--) {
    const share = ringShare(budgetBytes, rings, left);
    if (share === undefined) break;
    if (share.mustShrink) rings[rings.indexOf(Math.max(...rings))]! /= 2;
    rings.push(share.ringBytes);
  }
  return { held: rings.slice(0, held.length), opening: rings.slice(held.length) };
}
