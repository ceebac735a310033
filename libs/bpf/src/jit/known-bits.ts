/** What is known of a 32-bit number: its bits in `mask` are those of `value`, whose other bits are 0. */
export interface Known {
  readonly mask: number;
  readonly value: number;
}

export const nothingKnown: Known = { mask: 0, value: 0 };
export const allKnown = (value: number): Known => ({ mask: -1, value: value | 0 });

/** The number itself, signed. */
export const numberIn = ({ mask, value }: Known): number | undefined => (mask === -1 ? value : undefined);

/** What is known where two ways meet. */
export function either(one: Known, other: Known): Known {
  const mask = one.mask & other.mask & ~(one.value ^ other.value);
  return { mask, value: one.value & mask };
}

/** Bits that are 0 on one side are 0. */
export function and(one: Known, other: Known): Known {
  const zero = (one.mask & ~one.value) | (other.mask & ~other.value);
  const mask = (one.mask & other.mask) | zero;
  return { mask, value: one.value & other.value & mask };
}

export function shiftRight({ mask, value }: Known, distance: number): Known {
  const by = distance & 31;
  return { mask: (mask >>> by) | ~(-1 >>> by), value: (value >>> by) | 0 };
}

/** Whether the number is `k`; undefined: it depends. */
export function equals({ mask, value }: Known, k: number): boolean | undefined {
  if (((value ^ k) & mask) !== 0) return false;
  return mask === -1 ? true : undefined;
}

/** Whether it has one of the bits of `k`. */
export function hasAny({ mask, value }: Known, k: number): boolean | undefined {
  if ((value & k) !== 0) return true;
  return (k & ~mask) === 0 ? false : undefined;
}
