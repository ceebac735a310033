import { BPF } from '../opcodes.js';
import { calculate } from '../run/interpret.js';
import { anything, between, certain, type Derivation, isCertain, type Value, withBits } from './value.js';

/** An operation of the ALU on values of which only a part may be known. A divisor is never 0 here. */
export function calculateValue(operation: number, a: Value, operand: Value): Value {
  const value = calculated(operation, a, operand);
  if (isCertain(value) || !isCertain(operand)) return value;
  const before = derivationOf(a);
  if (before === undefined || before.steps.length >= MOST_STEPS) return value;
  const steps = [...before.steps, { operation, operand: operand.low }];
  return { ...value, derived: { load: before.load, steps } };
}

/** A longer calculation is forgotten. */
const MOST_STEPS = 12;

/** How the value came from a load: its bits unmoved, or by calculations with constants. */
export function derivationOf({ source, derived }: Value): Derivation | undefined {
  if (derived !== undefined || source === undefined) return derived;
  return { load: source, steps: [{ operation: BPF.AND, operand: source.mask }] };
}

/** What becomes of the load when it is this number. */
export function derivedFrom(number: number, { steps }: Derivation): number {
  return steps.reduce((value, { operation, operand }) => calculate(operation, value, operand) ?? 0, number);
}

function calculated(operation: number, a: Value, operand: Value): Value {
  if (isCertain(a) && isCertain(operand)) return certain(calculate(operation, a.low, operand.low) ?? 0);
  switch (operation) {
    case BPF.ADD:
      return inRange(a.low + operand.low, a.high + operand.high);
    case BPF.SUB:
      return inRange(a.low - operand.high, a.high - operand.low);
    case BPF.MUL:
      // Up to 2^53 the products are exact; beyond they wrap anyway.
      return inRange(a.low * operand.low, a.high * operand.high);
    case BPF.DIV:
      return between(Math.floor(a.low / operand.high), Math.floor(a.high / Math.max(1, operand.low)));
    case BPF.MOD:
      return a.high < operand.low ? a : between(0, Math.min(a.high, operand.high - 1));
    case BPF.AND:
      return and(a, operand);
    case BPF.OR: {
      const ones = (a.bits | operand.bits) >>> 0;
      return withBits(((a.known & operand.known) | ones) >>> 0, ones);
    }
    case BPF.XOR:
      return withBits((a.known & operand.known) >>> 0, (a.bits ^ operand.bits) >>> 0);
    case BPF.NEG:
      return inRange(-a.high, -a.low);
    default:
      return isCertain(operand) ? shifted(operation, a, operand.low & 31) : anything;
  }
}

/** The sums, if none of them wraps around, or all of them once. */
function inRange(low: number, high: number): Value {
  const rounds = Math.floor(low / 2 ** 32);
  if (high - low >= 2 ** 32 || Math.floor(high / 2 ** 32) !== rounds || !Number.isSafeInteger(high)) return anything;
  return between(low - rounds * 2 ** 32, high - rounds * 2 ** 32);
}

function and(a: Value, operand: Value): Value {
  const zeros = ((a.known & ~a.bits) | (operand.known & ~operand.bits)) >>> 0;
  const ones = (a.bits & operand.bits) >>> 0;
  const [load, mask] = isCertain(operand) ? [a.source, operand.low] : isCertain(a) ? [operand.source, a.low] : [];
  return withBits((zeros | ones) >>> 0, ones, load && { ...load, mask: (load.mask & (mask ?? 0)) >>> 0 });
}

function shifted(operation: number, a: Value, distance: number): Value {
  if (distance === 0) return a;
  if (operation === BPF.RSH) return between(a.low >>> distance, a.high >>> distance);
  const vacated = 2 ** distance - 1;
  return withBits(((a.known << distance) | vacated) >>> 0, (a.bits << distance) >>> 0);
}
