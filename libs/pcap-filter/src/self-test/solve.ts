import type { Load, Value } from '../ir/ir.js';
import { ALL_BITS } from '../ir/ranges.js';
import type { Graph } from '../optimise/graph.js';
import type { Draft } from './draft.js';
import { valueBehind, type Way } from './way.js';

/** What the calculation is turned round in: the packet, how it came here, and the graph that says what filled the slots. */
export interface Place {
  readonly graph: Graph;
  readonly way: Way | undefined;
  readonly draft: Draft;
}

/**
 * Changes the packet so that `value & mask` is `target`. Turns the calculation round as far as it can, with one of two
 * operands as it stands; what hangs on the same bytes changes too, so the caller looks again where the packet goes.
 * @returns whether it could; the packet may be changed all the same
 */
export function solve(value: Value, target: number, mask: number, place: Place): boolean {
  switch (value.kind) {
    case 'constant':
      return (value.value & mask) >>> 0 === target;
    case 'length': {
      const length = ((place.draft.length & ~mask) | target) >>> 0;
      return place.draft.resize(length);
    }
    case 'metadata': {
      const now = valueBehind(place.way, value, place.draft.packet) ?? 0;
      return place.draft.writeMetadata(value.name, ((now & ~mask) | target) >>> 0);
    }
    case 'slot':
      return solveSlot(value.slot, target, mask, place);
    case 'load':
      return solveLoad(value, target, mask, place);
    case 'negate':
      return mask === ALL_BITS && solve(value.operand, -target >>> 0, ALL_BITS, place);
    case 'binary':
      return solveBinary(value, target, mask, place);
  }
}

/** What filled the slot on this way. */
function solveSlot(slot: number, target: number, mask: number, place: Place): boolean {
  for (let way = place.way; way !== undefined; way = way.before) {
    const step = place.graph.nodes[way.node]?.step;
    if (step?.kind !== 'assign' || step.slot !== slot) continue;
    return solve(step.value.value, target, mask, { ...place, way: way.before });
  }
  return target === 0;
}

function solveLoad({ size, base, offset }: Load, target: number, mask: number, { way, draft }: Place): boolean {
  const start = base === undefined ? 0 : valueBehind(way, base, draft.packet);
  if (start === undefined) return false;
  const largest = 2 ** (8 * size) - 1;
  return target <= largest && draft.write((start + offset) >>> 0, size, target, mask);
}

type Binary = Extract<Value, { kind: 'binary' }>;

function solveBinary(value: Binary, target: number, mask: number, place: Place): boolean {
  const { way, draft } = place;
  const right = valueBehind(way, value.right, draft.packet);
  const left = valueBehind(way, value.left, draft.packet);
  // Sums carry from bit to bit, so all bits are aimed at: the open ones stay.
  const now = valueBehind(way, value, draft.packet) ?? 0;
  const whole = ((now & ~mask) | target) >>> 0;
  if (right !== undefined && solveLeft(value, target, mask, right, whole, place)) return true;
  return left !== undefined && value.right.kind !== 'constant' && solveRight(value, whole, left, place);
}

/** The right operand, with the left one as it is. */
function solveRight({ operator, right }: Binary, target: number, left: number, place: Place): boolean {
  switch (operator) {
    case '+':
      return solve(right, (target - left) >>> 0, ALL_BITS, place);
    case '-':
      return solve(right, (left - target) >>> 0, ALL_BITS, place);
    case '^':
      return solve(right, (left ^ target) >>> 0, ALL_BITS, place);
    case '*':
      return left !== 0 && target % left === 0 && solve(right, target / left, ALL_BITS, place);
    case '/':
      return solve(right, target === 0 ? (left + 1) >>> 0 : Math.floor(left / target), ALL_BITS, place);
    default:
      return false;
  }
}

/** The left operand, with the right one as it is. */
function solveLeft(
  { operator, left }: Binary,
  target: number,
  mask: number,
  right: number,
  whole: number,
  place: Place,
): boolean {
  switch (operator) {
    case '&':
      return (target & ~right & mask) === 0 && solve(left, target, (mask & right) >>> 0, place);
    case '|': {
      const open = (mask & ~right) >>> 0;
      return (mask & right & ~target) === 0 && solve(left, (target & open) >>> 0, open, place);
    }
    case '^':
      return solve(left, ((target ^ right) & mask) >>> 0, mask, place);
    case '<<': {
      const distance = right & 31;
      const isReachable = (((target & mask) >>> distance) << distance) >>> 0 === target;
      return isReachable && solve(left, target >>> distance, mask >>> distance, place);
    }
    case '>>': {
      const distance = right & 31;
      const moved = (target << distance) >>> 0;
      return moved >>> distance === target && solve(left, moved, (mask << distance) >>> 0, place);
    }
    default:
      return solveArithmetic(operator, left, whole, right, place);
  }
}

function solveArithmetic(
  operator: Binary['operator'],
  left: Value,
  target: number,
  right: number,
  place: Place,
): boolean {
  switch (operator) {
    case '+':
      return solve(left, (target - right) >>> 0, ALL_BITS, place);
    case '-':
      return solve(left, (target + right) >>> 0, ALL_BITS, place);
    case '*':
      return right !== 0 && target % right === 0 && solve(left, target / right, ALL_BITS, place);
    case '/':
      return target * right <= ALL_BITS && solve(left, target * right, ALL_BITS, place);
    case '%':
      return target < right && solve(left, target, ALL_BITS, place);
    default:
      return false;
  }
}

/** Makes every load of the value stand inside the packet, and no divisor 0. */
export function bringInside(value: Value, place: Place): boolean {
  switch (value.kind) {
    case 'load': {
      if (value.base !== undefined && !bringInside(value.base, place)) return false;
      const start = value.base === undefined ? 0 : valueBehind(place.way, value.base, place.draft.packet);
      if (start === undefined) return false;
      const end = ((start + value.offset) >>> 0) + value.size;
      return end <= place.draft.length || place.draft.resize(end);
    }
    case 'negate':
      return bringInside(value.operand, place);
    case 'binary': {
      if (!bringInside(value.left, place) || !bringInside(value.right, place)) return false;
      const divides = value.operator === '/' || value.operator === '%';
      const isZero = divides && valueBehind(place.way, value.right, place.draft.packet) === 0;
      return !isZero || solve(value.right, 1, ALL_BITS, place);
    }
    default:
      return true;
  }
}
