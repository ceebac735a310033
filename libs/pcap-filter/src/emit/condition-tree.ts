import { BPF } from '@bpfleet/bpf';
import { ALL_BITS, complement, onlyValue, type Ranges } from '../ir/ranges.js';

/** Comparisons of A, as they follow each other. `yes` and `no` lead to another comparison or to one of the two ends. */
export interface Comparison {
  readonly kind: 'comparison';
  readonly code: number;
  readonly k: number;
  readonly yes: Decision;
  readonly no: Decision;
}

export type Decision = Comparison | boolean;

/** How many values of a set are compared one after the other before halves are taken: fast, and small. */
export const LEAF_RANGES = { fast: 8, small: 64 } as const;

/**
 * Whether A is in the set: a balanced tree whose leaves are short chains.
 * @param largest A is not above it
 * @param leafRanges how many ranges a leaf has at most
 */
export function decisionOf(within: Ranges, largest: number, leafRanges: number): Decision {
  const value = onlyValue(within);
  const isOneOfSeveral = value !== undefined && value <= largest && largest > 0;
  if (isOneOfSeveral) return { kind: 'comparison', code: BPF.JEQ, k: value, yes: true, no: false };
  return setDecision(within, largest, leafRanges);
}

function setDecision(within: Ranges, largest: number, leafRanges: number): Decision {
  const outside = complement(within);
  const isTurned = rangesUpTo(outside, largest) < rangesUpTo(within, largest);
  const ranges = isTurned ? outside : within;
  return tree(ranges, 0, ranges.length / 2, { low: 0, high: largest, leafRanges }, !isTurned, isTurned);
}

/** How many of the ranges a value up to `largest` can be in; a single value is the cheaper question. */
function rangesUpTo(ranges: Ranges, largest: number): number {
  let count = 0;
  for (let index = 0; index < ranges.length; index += 2) {
    if ((ranges[index] ?? 0) <= largest) count += ranges[index] === ranges[index + 1] ? 0.9 : 1;
  }
  return count;
}

interface Bounds {
  /** A is between these two. */
  readonly low: number;
  readonly high: number;
  readonly leafRanges: number;
}

function tree(ranges: Ranges, first: number, end: number, bounds: Bounds, yes: boolean, no: boolean): Decision {
  if (end - first <= bounds.leafRanges) return chain(ranges, first, end, bounds, yes, no);
  const middle = (first + end) >>> 1;
  const pivot = ranges[2 * middle] ?? 0;
  const upper = tree(ranges, middle, end, { ...bounds, low: pivot }, yes, no);
  const lower = tree(ranges, first, middle, { ...bounds, high: pivot - 1 }, yes, no);
  return { kind: 'comparison', code: BPF.JGE, k: pivot, yes: upper, no: lower };
}

function chain(ranges: Ranges, first: number, end: number, bounds: Bounds, yes: boolean, no: boolean): Decision {
  let rest: Decision = no;
  for (let index = end - 1; index >= first; index--) {
    const from = ranges[2 * index] ?? 0;
    const to = ranges[2 * index + 1] ?? 0;
    if (from > bounds.high || to < bounds.low) continue;
    rest = oneRange(from, to, bounds, yes, no, rest);
  }
  return rest;
}

/** Ranges are sorted: what is below this one is in none that follows. */
function oneRange(
  from: number,
  to: number,
  { low, high }: Bounds,
  yes: boolean,
  no: boolean,
  rest: Decision,
): Decision {
  if (from === to) return { kind: 'comparison', code: BPF.JEQ, k: from, yes, no: rest };
  const reachesEnd = to >= high;
  const startsBelow = from <= low;
  if (startsBelow && reachesEnd) return yes;
  if (startsBelow) return { kind: 'comparison', code: BPF.JGT, k: to, yes: rest, no: yes };
  const below: Decision = reachesEnd ? yes : { kind: 'comparison', code: BPF.JGT, k: to, yes: rest, no: yes };
  return { kind: 'comparison', code: BPF.JGE, k: from, yes: below, no };
}

/** The mask under which a single range is one value: it starts at a multiple of its size, a power of two. */
export function alignedMask(within: Ranges): number | undefined {
  const [from = 0, to = 0] = within;
  if (within.length !== 2 || onlyValue(within) !== undefined) return undefined;
  const hostBits = (to - from) >>> 0;
  const isBlock = (hostBits & (hostBits + 1)) === 0 && (from & hostBits) === 0;
  return isBlock && from !== 0 && to !== ALL_BITS ? ~hostBits >>> 0 : undefined;
}
