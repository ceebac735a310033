import type { NumberSet } from '../number-set.js';
import { narrowed, type Value } from './value.js';

/** What remains possible of a number that is in a set, or is not; undefined when nothing does. Only the ends are looked at. */
export function amongMembers(set: NumberSet, value: Value, holds: boolean): Value | undefined {
  const { low, high, known, bits } = value;
  const [first, last] = [rangeAt(set, low), rangeAt(set, high)];
  const [startsInside, endsInside] = [low <= endOf(set, first), high <= endOf(set, last)];
  const [least, greatest] = holds
    ? [startsInside ? low : startOf(set, first + 1), endsInside ? high : endOf(set, last)]
    : [startsInside ? endOf(set, first) + 1 : low, endsInside ? startOf(set, last) - 1 : high];
  return narrowed(least, greatest, known, bits);
}

/** The last range that begins at this number or before; -1 when none does. */
function rangeAt(set: NumberSet, number: number): number {
  let low = 0;
  let high = set.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((set[2 * middle] ?? 0) <= number) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

const startOf = (set: NumberSet, range: number): number => set[2 * range] ?? Number.POSITIVE_INFINITY;
const endOf = (set: NumberSet, range: number): number => set[2 * range + 1] ?? -1;
