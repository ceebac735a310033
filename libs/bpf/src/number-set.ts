/**
 * A set of unsigned 32-bit numbers as sorted, disjoint ranges: `[from0, to0, from1, to1, …]`, both ends belonging.
 * Programs ask for one by its place in a list (`JUMP_IN_SET`).
 */
export type NumberSet = Uint32Array;

/** By binary search. */
export function contains(set: NumberSet, number: number): boolean {
  let low = 0;
  let high = set.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((set[2 * middle] ?? 0) <= number) low = middle + 1;
    else high = middle;
  }
  return low > 0 && number <= (set[2 * low - 1] ?? 0);
}
