import { BPF } from '../opcodes.js';
import { calculate } from '../run/interpret.js';
import { anything, between, both, canBe, certain, either, isCertain, type Value, withBits } from './value.js';

const WORD = 2 ** 32;

/** An operation of the ALU on values of which only a part may be known. A divisor is never 0 here. */
export function calculateValue(operation: number, a: Value, operand: Value): Value {
  const divides = operation === BPF.DIV || operation === BPF.MOD;
  if (divides && operand.high === 0) return anything;
  if (isCertain(a) && isCertain(operand)) return certain(calculate(operation, a.low, operand.low) ?? 0);
  switch (operation) {
    case BPF.ADD:
      return both(inRange(a.low + operand.low, a.high + operand.high), sumBits(a, operand, 0)) as Value;
    case BPF.SUB:
      return both(inRange(a.low - operand.high, a.high - operand.low), sumBits(a, inverted(operand), 1)) as Value;
    case BPF.MUL:
      return isCertain(a) ? product(operand, a) : product(a, operand);
    case BPF.DIV:
      return quotient(a, operand);
    case BPF.MOD:
      return remainder(a, operand);
    case BPF.AND: {
      const zeros = (a.known & ~a.bits) | (operand.known & ~operand.bits);
      const ones = a.bits & operand.bits;
      return both(withBits((zeros | ones) >>> 0, ones >>> 0), between(0, Math.min(a.high, operand.high))) as Value;
    }
    case BPF.OR: {
      const ones = a.bits | operand.bits;
      const known = (a.known & operand.known) | ones;
      return both(withBits(known >>> 0, ones >>> 0), between(Math.max(a.low, operand.low), WORD - 1)) as Value;
    }
    case BPF.XOR: {
      const known = a.known & operand.known;
      return withBits(known >>> 0, ((a.bits ^ operand.bits) & known) >>> 0);
    }
    case BPF.NEG:
      return inRange(-a.high, -a.low);
    default:
      return shiftedBySome(operation, a, operand);
  }
}

/** The sums, if none of them wraps around, or all of them equally often. */
function inRange(low: number, high: number): Value {
  const rounds = Math.floor(low / WORD);
  if (high - low >= WORD || Math.floor(high / WORD) !== rounds) return anything;
  return between(low - rounds * WORD, high - rounds * WORD);
}

/** Bits of a sum are known where both bits are and the carry is: where the least and the greatest sum have the same. */
function sumBits(a: Value, operand: Value, carry: number): Value {
  const least = (a.bits + operand.bits + carry) >>> 0;
  const greatest = (((a.bits | ~a.known) >>> 0) + ((operand.bits | ~operand.known) >>> 0) + carry) >>> 0;
  const carriesInLeast = least ^ a.bits ^ operand.bits;
  const carriesInGreatest = greatest ^ (a.bits | ~a.known) ^ (operand.bits | ~operand.known);
  return withBits((a.known & operand.known & ~(carriesInLeast ^ carriesInGreatest)) >>> 0, least);
}

function inverted({ low, high, known, bits }: Value): Value {
  return { low: ~high >>> 0, high: ~low >>> 0, known, bits: (~bits & known) >>> 0 };
}

/** A constant close to 2^32 is a small negative one. */
function product(a: Value, operand: Value): Value {
  const low = operand.low >= WORD / 2 && isCertain(operand) ? operand.low - WORD : operand.low;
  const high = isCertain(operand) ? low : operand.high;
  const ends = [a.low * low, a.low * high, a.high * low, a.high * high];
  const [least, greatest] = [Math.min(...ends), Math.max(...ends)];
  // Up to 2^53 the products are exact; beyond they wrap anyway.
  const isExact = Number.isSafeInteger(least) && Number.isSafeInteger(greatest);
  return both(isExact ? inRange(least, greatest) : anything, productBits(a, operand)) as Value;
}

/** The last bits of a product depend on the last bits of the factors alone. */
function productBits(a: Value, operand: Value): Value {
  const [zerosOfA, zerosOfOperand] = [lastZeros(a), lastZeros(operand)];
  const count = Math.min(lastKnown(a) + zerosOfOperand, lastKnown(operand) + zerosOfA, 32);
  return withBits(lastBits(count), Math.imul(a.bits, operand.bits) >>> 0);
}

/** How many of the last bits are known. */
export function lastKnown({ known }: Value): number {
  return known === 0xffff_ffff ? 32 : 31 - Math.clz32(~known & -~known);
}

export function lastZeros({ known, bits }: Value): number {
  const others = (~known | bits) >>> 0;
  return others === 0 ? 32 : 31 - Math.clz32(others & -others);
}

export function lastBits(count: number): number {
  return count >= 32 ? 0xffff_ffff : 2 ** count - 1;
}

function quotient(a: Value, operand: Value): Value {
  const ends = between(Math.floor(a.low / operand.high), Math.floor(a.high / Math.max(1, operand.low)));
  const power = isCertain(operand) ? exponent(operand.low) : undefined;
  return power === undefined ? ends : (both(ends, shifted(BPF.RSH, a, power)) as Value);
}

function remainder(a: Value, operand: Value): Value {
  if (a.high < operand.low) return a;
  const ends = between(0, Math.min(a.high, operand.high - 1));
  if (!isCertain(operand)) return ends;
  const divisor = operand.low;
  const first = Math.floor(a.low / divisor);
  if (first === Math.floor(a.high / divisor)) return calculateValue(BPF.SUB, a, certain(first * divisor));
  const count = Math.min(lastKnown(a), lastZeros(operand));
  return both(ends, withBits(lastBits(count), a.bits)) as Value;
}

/** Of which power of 2 this is. */
function exponent(number: number): number | undefined {
  return number !== 0 && (number & (number - 1)) === 0 ? 31 - Math.clz32(number) : undefined;
}

function shiftedBySome(operation: number, a: Value, operand: Value): Value {
  if (isCertain(operand)) return shifted(operation, a, operand.low & 31);
  let value: Value | undefined;
  const isShort = operand.high < 32;
  for (let distance = 0; distance < 32; distance++) {
    const isPossible = isShort ? canBe(operand, distance) : ((distance ^ operand.bits) & operand.known & 31) === 0;
    if (!isPossible) continue;
    const here = shifted(operation, a, distance);
    value = value === undefined ? here : either(value, here);
  }
  return value ?? anything;
}

function shifted(operation: number, a: Value, distance: number): Value {
  if (distance === 0) return a;
  const filled = 2 ** distance - 1;
  if (operation === BPF.LSH) {
    const bits = withBits(((a.known << distance) | filled) >>> 0, (a.bits << distance) >>> 0);
    return a.high * 2 ** distance < WORD
      ? (both(bits, between((a.low << distance) >>> 0, (a.high << distance) >>> 0)) as Value)
      : bits;
  }
  const known = ((a.known >>> distance) | ~(0xffff_ffff >>> distance)) >>> 0;
  return both(withBits(known, a.bits >>> distance), between(a.low >>> distance, a.high >>> distance)) as Value;
}
