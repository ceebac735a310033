import { ALL_BITS, complement, contains, intersection, type Ranges } from '../ir/ranges.js';
import type { Graph } from '../optimise/graph.js';
import type { CompareStep, TestStep } from '../optimise/step.js';
import type { Way } from './way.js';

/** Of a long set the first and the last ranges stand for all. */
const MOST_RANGES = 8;

/** A number for the bits under the mask; the other bits stay. */
export interface Aim {
  readonly number: number;
  readonly mask: number;
}

/**
 * Numbers that give the answer, the borders first: one beside each border is what tells a right constant from one that is
 * off by one. Of masked values also some whose other bits are all set, or none, which tells a right mask from a wrong one.
 * What the packet's way already says of the same number is respected.
 */
export function numbersFor(step: TestStep, answer: boolean, way: Way | undefined, graph: Graph): readonly Aim[] {
  const { mask, value } = step;
  const possible = Uint32Array.of(0, value.largest);
  const allowed = intersection(possible, allowedBefore(step, answer, way, graph));
  const numbers =
    mask === ALL_BITS ? bordersOf(allowed, value.largest) : [...bordersOf(allowed, mask), ...bitsOf(mask)];
  const fits = (number: number) => (number & ~mask) === 0 && contains(allowed, number);
  const [first, ...more] = [...new Set(numbers)].filter(fits).map((number) => ({ number, mask }));
  if (first === undefined) return [];
  const open = (value.largest & ~mask) >>> 0;
  const whole = (mask | open) >>> 0;
  const masked = [(first.number | open) >>> 0, first.number].map((number) => ({ number, mask: whole }));
  return open === 0 ? [first, ...more] : [first, ...masked, ...more];
}

function allowedBefore(step: TestStep, answer: boolean, way: Way | undefined, graph: Graph): Ranges {
  let allowed = answer ? step.within : complement(step.within);
  for (let one = way; one !== undefined; one = one.before) {
    const other = graph.nodes[one.node]?.step;
    // Before that the slot held another number.
    if (other?.kind === 'assign' && step.slots.includes(other.slot)) break;
    if (other?.kind !== 'test' || other.value.id !== step.value.id || other.mask !== step.mask) continue;
    allowed = intersection(allowed, one.answer ? other.within : complement(other.within));
  }
  return allowed;
}

/** Both ends of each range; the ends of all numbers last, since nothing is decided there. */
function bordersOf(ranges: Ranges, largest: number): number[] {
  const count = ranges.length / 2;
  const isShown = (index: number) => index < MOST_RANGES / 2 || index >= count - MOST_RANGES / 2;
  const numbers: number[] = [];
  for (let index = 0; index < count; index++) {
    if (isShown(index)) numbers.push(ranges[2 * index] ?? 0, ranges[2 * index + 1] ?? 0);
  }
  const isEnd = (number: number) => number === 0 || number >= largest;
  return [...numbers.filter((number) => !isEnd(number)), ...numbers.filter(isEnd)];
}

/** None, all, and each of the lowest and highest. */
function bitsOf(mask: number): number[] {
  const lowest = (mask & -mask) >>> 0;
  const highest = mask === 0 ? 0 : 2 ** (31 - Math.clz32(mask));
  return [lowest, highest, mask, 0];
}

/** How far the left number must be from the right one. */
export function distancesFor({ comparison }: CompareStep, answer: boolean): readonly number[] {
  switch (comparison) {
    case 'eq':
      return answer ? [0] : [1, -1];
    case 'gt':
      return answer ? [1] : [0, -1];
    case 'ge':
      return answer ? [0, 1] : [-1];
  }
}
