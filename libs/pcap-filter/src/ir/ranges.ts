import { contains, type NumberSet } from '@bpfleet/bpf';

/**
 * A set of unsigned 32-bit numbers as sorted, disjoint ranges that do not touch: `[from0, to0, from1, to1, …]`, both ends
 * belonging to their range. One shape for a single value, a port range, a network, and a list of 100,000 addresses.
 * Never changed once made.
 */
export type Ranges = NumberSet;

export { contains };

export const ALL_BITS = 0xffff_ffff;

/** Every number. */
export const EVERYTHING: Ranges = Uint32Array.of(0, ALL_BITS);
export const NOTHING: Ranges = new Uint32Array(0);

export function single(value: number): Ranges {
  return Uint32Array.of(value, value);
}

export function between(from: number, to: number): Ranges {
  return Uint32Array.of(from, to);
}

/** The union of ranges in any order, overlapping or not. */
export function rangesOf(parts: readonly { readonly from: number; readonly to: number }[]): Ranges {
  const only = parts[0];
  if (parts.length === 1 && only !== undefined) return between(only.from, only.to);
  return sortedUnion(parts);
}

function sortedUnion(parts: Parameters<typeof rangesOf>[0]): Ranges {
  // Sorted as numbers: an array of objects costs a call for each of n log n comparisons.
  const keys = Float64Array.from(parts, ({ from }, index) => from * 2 ** 20 + Math.min(index, 2 ** 20 - 1));
  if (parts.length > 2 ** 20) throw new RangeError('more than 2^20 ranges');
  keys.sort();
  const merged = new Uint32Array(parts.length * 2);
  let length = 0;
  for (const key of keys) {
    const part = parts[key % 2 ** 20];
    if (part === undefined) continue;
    const last = merged[length - 1] ?? 0;
    if (length > 0 && part.from <= last + 1) {
      if (part.to > last) merged[length - 1] = part.to;
    } else {
      merged[length++] = part.from;
      merged[length++] = part.to;
    }
  }
  return merged.slice(0, length);
}

export function complement(ranges: Ranges): Ranges {
  const bounds: number[] = [];
  let next = 0;
  for (let index = 0; index < ranges.length; index += 2) {
    const from = ranges[index] ?? 0;
    if (from > next) bounds.push(next, from - 1);
    next = (ranges[index + 1] ?? 0) + 1;
  }
  if (next <= ALL_BITS) bounds.push(next, ALL_BITS);
  return new Uint32Array(bounds);
}

export function intersection(a: Ranges, b: Ranges): Ranges {
  const bounds: number[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const from = Math.max(a[i] ?? 0, b[j] ?? 0);
    const to = Math.min(a[i + 1] ?? 0, b[j + 1] ?? 0);
    if (from <= to) bounds.push(from, to);
    if ((a[i + 1] ?? 0) < (b[j + 1] ?? 0)) i += 2;
    else j += 2;
  }
  return new Uint32Array(bounds);
}

export function union(a: Ranges, b: Ranges): Ranges {
  const bounds: number[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const isFromA = j >= b.length || (i < a.length && (a[i] ?? 0) <= (b[j] ?? 0));
    const from = (isFromA ? a[i] : b[j]) ?? 0;
    const to = (isFromA ? a[i + 1] : b[j + 1]) ?? 0;
    if (isFromA) i += 2;
    else j += 2;
    const last = bounds.length - 1;
    const before = bounds[last];
    if (before === undefined || from > before + 1) bounds.push(from, to);
    else if (to > before) bounds[last] = to;
  }
  return new Uint32Array(bounds);
}

export function isSame(a: Ranges, b: Ranges): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** The value, where it is the only one. */
export function onlyValue(ranges: Ranges): number | undefined {
  return ranges.length === 2 && ranges[0] === ranges[1] ? ranges[0] : undefined;
}

/** The value, where it is the only one that is not in the set. */
export function onlyMissing(ranges: Ranges): number | undefined {
  const first = ranges[0] ?? 0;
  const last = ranges[ranges.length - 1] ?? 0;
  if (ranges.length === 4) {
    const hole = (ranges[1] ?? 0) + 1;
    return first === 0 && last === ALL_BITS && ranges[2] === hole + 1 ? hole : undefined;
  }
  if (ranges.length !== 2) return undefined;
  if (first === 0) return last === ALL_BITS - 1 ? ALL_BITS : undefined;
  return first === 1 && last === ALL_BITS ? 0 : undefined;
}

/** How many numbers belong to it. */
export function countValues(ranges: Ranges): number {
  let count = 0;
  for (let index = 0; index < ranges.length; index += 2) count += (ranges[index + 1] ?? 0) - (ranges[index] ?? 0) + 1;
  return count;
}
