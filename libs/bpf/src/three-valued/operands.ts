import { BPF } from '../opcodes.js';
import { calculateValue, lastBits, lastKnown, lastZeros } from './arithmetic.js';
import { anything, between, both, certain, isCertain, type Value, withBits } from './value.js';

/** What the operands must be, by the result alone and each other; undefined where no number would do. */
export interface Operands {
  readonly a: Value | undefined;
  readonly operand: Value | undefined;
}

const WORD = 2 ** 32;

/** What the result of an operation shows of its operands, of which this is known already. A divisor is never 0 here. */
export function operandsOf(operation: number, result: Value, a: Value, operand: Value): Operands {
  switch (operation) {
    case BPF.ADD:
      return { a: calculateValue(BPF.SUB, result, operand), operand: calculateValue(BPF.SUB, result, a) };
    case BPF.SUB:
      return { a: calculateValue(BPF.ADD, result, operand), operand: calculateValue(BPF.SUB, a, result) };
    case BPF.XOR:
      return { a: calculateValue(BPF.XOR, result, operand), operand: calculateValue(BPF.XOR, result, a) };
    case BPF.NEG:
      return { a: calculateValue(BPF.NEG, result, result), operand: anything };
    case BPF.AND:
      return { a: sideOfAnd(result, operand), operand: sideOfAnd(result, a) };
    case BPF.OR:
      return { a: sideOfOr(result, operand), operand: sideOfOr(result, a) };
    case BPF.MUL:
      return { a: factorOf(result, a, operand), operand: factorOf(result, operand, a) };
    case BPF.DIV:
      return { a: dividend(result, operand), operand: divisor(result, a) };
    case BPF.MOD:
      return { a: isCertain(operand) ? dividendOfRest(result, a, operand.low) : anything, operand: anything };
    case BPF.LSH:
      return { a: isCertain(operand) ? factorOf(result, a, powerOf(operand)) : anything, operand: anything };
    default:
      return { a: isCertain(operand) ? dividend(result, powerOf(operand)) : anything, operand: anything };
  }
}

/** Where the other side has a 1 the bit came through; where the result has one, both had. */
function sideOfAnd(result: Value, other: Value): Value | undefined {
  const known = (result.known & other.known & other.bits) | result.bits;
  return both(withBits(known >>> 0, result.bits), between(result.low, WORD - 1));
}

function sideOfOr(result: Value, other: Value): Value | undefined {
  const zeros = result.known & ~result.bits;
  const ones = result.bits & other.known & ~other.bits;
  return both(withBits((zeros | ones) >>> 0, ones >>> 0), between(0, result.high));
}

/** Of a certain factor the odd part has an inverse modulo 2^32; and where nothing wraps around, the interval divides. */
function factorOf(result: Value, factor: Value, other: Value): Value | undefined {
  if (!isCertain(other) || other.low === 0) return anything;
  const zeros = lastZeros(other);
  if ((result.bits & lastBits(zeros)) !== 0) return undefined;
  const odd = other.low >>> zeros;
  const count = Math.max(0, lastKnown(result) - zeros);
  const last = withBits(lastBits(count), Math.imul(result.bits >>> zeros, inverse(odd)) >>> 0);
  const bits = odd === 1 ? withBits(result.known >>> zeros, result.bits >>> zeros) : last;
  if (other.low === WORD - 1) return both(bits, calculateValue(BPF.NEG, result, result));
  if (factor.high * other.low >= WORD) return bits;
  const ends = range(Math.ceil(result.low / other.low), Math.floor(result.high / other.low));
  return ends && both(bits, ends);
}

/** By Newton's iteration: each step doubles the number of right bits, and an odd number is its own inverse for three. */
export function inverse(odd: number): number {
  let found = odd;
  for (let step = 0; step < 4; step++) found = Math.imul(found, 2 - Math.imul(odd, found));
  return found >>> 0;
}

function dividend(result: Value, divisor: Value): Value | undefined {
  const ends = range(result.low * divisor.low, Math.min(WORD - 1, (result.high + 1) * divisor.high - 1));
  const zeros = lastZeros(divisor);
  if (ends === undefined || !isCertain(divisor) || divisor.low >>> zeros !== 1) return ends;
  return both(ends, withBits((result.known << zeros) >>> 0, (result.bits << zeros) >>> 0));
}

/** a / divisor <= high means a / (high + 1) < divisor. */
function divisor(result: Value, a: Value): Value | undefined {
  const least = Math.floor(a.low / (result.high + 1)) + 1;
  return range(least, result.low === 0 ? WORD - 1 : Math.floor(a.high / result.low));
}

function dividendOfRest(result: Value, a: Value, divisor: number): Value | undefined {
  const before = (number: number) => number - (number % divisor);
  return range(before(a.low) + result.low, Math.min(WORD - 1, before(a.high) + result.high));
}

const powerOf = (distance: Value): Value => certain(2 ** (distance.low & 31));

function range(low: number, high: number): Value | undefined {
  return low > high || low >= WORD ? undefined : between(low, high);
}
