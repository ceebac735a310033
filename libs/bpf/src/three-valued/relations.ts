import { BPF } from '../opcodes.js';
import { both, isCertain, narrowed, type Value, withBits } from './value.js';

/** What is still possible of two numbers. */
export type Pair = readonly [a: Value, operand: Value];

/** What remains possible where `a test operand` holds, or does not; undefined when that cannot be. */
export function related(test: number, a: Value, operand: Value, holds: boolean): Pair | undefined {
  switch (test) {
    case BPF.JEQ:
      return holds ? equal(a, operand) : different(a, operand);
    case BPF.JGT:
      return holds ? turned(ordered(operand, a, 1)) : ordered(a, operand, 0);
    case BPF.JGE:
      return holds ? turned(ordered(operand, a, 0)) : ordered(a, operand, 1);
    default:
      return holds ? sharing(a, operand) : apart(a, operand);
  }
}

function equal(a: Value, operand: Value): Pair | undefined {
  const value = both(a, operand);
  return value && [value, value];
}

/** An interval can only do without its ends. */
function different(a: Value, operand: Value): Pair | undefined {
  const left = isCertain(operand) ? without(a, operand.low) : a;
  const right = isCertain(a) ? without(operand, a.low) : operand;
  return left && right && [left, right];
}

function without(value: Value, number: number): Value | undefined {
  const { low, high, known, bits } = value;
  if (low === number) return narrowed(low + 1, high, known, bits);
  return high === number ? narrowed(low, high - 1, known, bits) : value;
}

/** less + gap <= more */
function ordered(less: Value, more: Value, gap: number): Pair | undefined {
  const lower = narrowed(less.low, Math.min(less.high, more.high - gap), less.known, less.bits);
  const upper = narrowed(Math.max(more.low, less.low + gap), more.high, more.known, more.bits);
  return lower && upper && [lower, upper];
}

function turned(pair: Pair | undefined): Pair | undefined {
  return pair && [pair[1], pair[0]];
}

/** Some bit is 1 in both. If only one can be, it is. */
function sharing(a: Value, operand: Value): Pair | undefined {
  const possible = ((a.bits | ~a.known) & (operand.bits | ~operand.known)) >>> 0;
  if (possible === 0) return undefined;
  if ((possible & (possible - 1)) !== 0) return [a, operand];
  const bit = withBits(possible, possible);
  const [left, right] = [both(a, bit), both(operand, bit)];
  return left && right && [left, right];
}

/** No bit is 1 in both. */
function apart(a: Value, operand: Value): Pair | undefined {
  const left = both(a, withBits(operand.bits, 0));
  const right = both(operand, withBits(a.bits, 0));
  return left && right && [left, right];
}
