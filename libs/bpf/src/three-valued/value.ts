/**
 * What is known of a 32-bit number that may depend on bytes nobody kept: an interval, and for each bit whether it is known.
 * It is certain when the interval has one number.
 */
export interface Value {
  readonly low: number;
  readonly high: number;
  /** Bits that are known, and their values (0 where unknown). Both unsigned. */
  readonly known: number;
  readonly bits: number;
  /** The number is these bits of a load, unmoved: what is learnt from a test of it then holds for the next. */
  readonly source?: Source;
  /** How the number came from a load, where every other operand was certain. */
  readonly derived?: Derivation;
}

/** Calculations with constants, applied to a load one after the other. */
export interface Derivation {
  readonly load: Source;
  readonly steps: readonly { readonly operation: number; readonly operand: number }[];
}

/** Bytes of the packet that were loaded and are not all there; two loads of the same bytes give the same number. */
export interface Source {
  readonly offset: number;
  readonly size: number;
  /** The bits of the load that the value keeps; the others are 0. */
  readonly mask: number;
}

const ALL = 0xffff_ffff;

export function certain(number: number): Value {
  return { low: number, high: number, known: ALL, bits: number };
}

export const anything: Value = { low: 0, high: ALL, known: 0, bits: 0 };

export function isCertain({ low, high }: Value): boolean {
  return low === high;
}

/** From an interval and bits, each made as narrow as the other says. Undefined when no number fits both. */
export function narrowed(low: number, high: number, known: number, bits: number, source?: Source): Value | undefined {
  // Every unknown bit 0 is the least that the bits allow, every unknown bit 1 the greatest.
  const least = Math.max(low, bits);
  const greatest = Math.min(high, (bits | ~known) >>> 0);
  if (least > greatest) return undefined;
  // The leading bits that both ends share are known.
  const differing = Math.clz32(least ^ greatest);
  const shared = differing === 0 ? 0 : (-1 << (32 - differing)) >>> 0;
  const leading = differing === 32 ? ALL : shared;
  if (((least ^ bits) & leading & known) !== 0) return undefined;
  const allKnown = (known | leading) >>> 0;
  const allBits = ((bits & known) | (least & leading)) >>> 0;
  if (allKnown === ALL) return allBits < least || allBits > greatest ? undefined : certain(allBits);
  return { low: least, high: greatest, known: allKnown, bits: allBits, ...(source && { source }) };
}

/** A value known to be between two numbers. */
export function between(low: number, high: number): Value {
  return narrowed(low, high, 0, 0) as Value;
}

/** A value of which some bits are known. */
export function withBits(known: number, bits: number, source?: Source): Value {
  return narrowed(0, ALL, known >>> 0, (bits & known) >>> 0, source) as Value;
}

/** One of two values: what both are known to be. Which load it came from is lost. */
export function either(one: Value, other: Value): Value {
  const same = (one.known & other.known & ~(one.bits ^ other.bits)) >>> 0;
  return narrowed(Math.min(one.low, other.low), Math.max(one.high, other.high), same, (one.bits & same) >>> 0) as Value;
}

export function withoutSource({ low, high, known, bits }: Value): Value {
  return { low, high, known, bits };
}
