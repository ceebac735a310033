/**
 * What is known of a 32-bit number that may depend on bytes nobody kept: an interval, and for each bit whether it is known.
 * Both ends of the interval fit the bits. It is certain when the interval has one number.
 */
export interface Value {
  readonly low: number;
  readonly high: number;
  /** Bits that are known, and their values (0 where unknown). Both unsigned. */
  readonly known: number;
  readonly bits: number;
}

const ALL = 0xffff_ffff;

export function certain(number: number): Value {
  return { low: number, high: number, known: ALL, bits: number };
}

export const anything: Value = { low: 0, high: ALL, known: 0, bits: 0 };

export function isCertain({ low, high }: Value): boolean {
  return low === high;
}

/** The numbers of an interval with these bits, each made as narrow as the other says. Undefined when there is none. */
export function narrowed(low: number, high: number, known: number, bits: number): Value | undefined {
  if (low > high) return undefined;
  const least = leastFrom(low, known, bits);
  const greatest = greatestTo(high, known, bits);
  if (least === undefined || greatest === undefined || least > greatest) return undefined;
  if (least === greatest) return certain(least);
  // The leading bits that both ends share are known. The ends differ, so there are less than 32.
  const leading = ~(ALL >>> Math.clz32(least ^ greatest));
  return {
    low: least,
    high: greatest,
    known: (known | leading) >>> 0,
    bits: ((bits & known) | (least & leading)) >>> 0,
  };
}

/** The least number from `low` on whose known bits are these. */
function leastFrom(low: number, known: number, bits: number): number | undefined {
  const fitting = ((low & ~known) | (bits & known)) >>> 0;
  if (fitting === low) return low;
  const differing = 31 - Math.clz32(fitting ^ low);
  // Everything above the first bit that differs is as in `low`; below it the least will do.
  if (fitting > low) return leastBelow(fitting, differing, known);
  const raised = (~known & ~low & ~(2 * 2 ** differing - 1)) >>> 0;
  if (raised === 0) return undefined;
  const place = 31 - Math.clz32(raised & -raised);
  return leastBelow((fitting | (1 << place)) >>> 0, place, known);
}

/** Unknown bits below `place` cleared. */
function leastBelow(number: number, place: number, known: number): number {
  return (number & ~(~known & (2 ** place - 1))) >>> 0;
}

function greatestTo(high: number, known: number, bits: number): number | undefined {
  const mirrored = leastFrom(~high >>> 0, known, (~bits & known) >>> 0);
  return mirrored === undefined ? undefined : ~mirrored >>> 0;
}

/** A value known to be between two numbers. */
export function between(low: number, high: number): Value {
  return narrowed(low, high, 0, 0) as Value;
}

/** A value of which some bits are known. */
export function withBits(known: number, bits: number): Value {
  return narrowed(0, ALL, known >>> 0, (bits & known) >>> 0) as Value;
}

/** What both say of one number; undefined when they contradict each other. */
export function both(one: Value, other: Value): Value | undefined {
  if (((one.bits ^ other.bits) & one.known & other.known) !== 0) return undefined;
  const known = (one.known | other.known) >>> 0;
  return narrowed(Math.max(one.low, other.low), Math.min(one.high, other.high), known, (one.bits | other.bits) >>> 0);
}

/** One of two values: what both are known to be. */
export function either(one: Value, other: Value): Value {
  const same = (one.known & other.known & ~(one.bits ^ other.bits)) >>> 0;
  return narrowed(Math.min(one.low, other.low), Math.max(one.high, other.high), same, (one.bits & same) >>> 0) as Value;
}

/** Whether it can be this number. */
export function canBe({ low, high, known, bits }: Value, number: number): boolean {
  return low <= number && number <= high && ((number ^ bits) & known) === 0;
}
