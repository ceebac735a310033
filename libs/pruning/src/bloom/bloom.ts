import type { TokenSet } from '../tokens/token-set.js';

/** Bits that each token sets. */
export const HASHES = 7;
const BITS_PER_TOKEN = 10;
const LEAST_BYTES = 128;
export const MOST_BYTES = 8192;
const MOST_BITS = 8 * MOST_BYTES;

/** The smallest power of two that gives each token its bits; the largest size where none does. */
export function bloomBytes(tokens: number): number {
  let bytes = LEAST_BYTES;
  while (bytes < MOST_BYTES && 8 * bytes < BITS_PER_TOKEN * tokens) bytes *= 2;
  return bytes;
}

/**
 * Where a token's bits are in the largest filter: `first + i × second` (double hashing). In a smaller one, of a power of
 * two bits, they are at the same numbers modulo its size. The step is odd, so that they differ.
 */
export function bitsOf(first: number, second: number): number[] {
  return Array.from({ length: HASHES }, (_, index) => (first + Math.imul(index, second | 1)) & (MOST_BITS - 1));
}

/** Bit n is bit n mod 8, from the lowest, of byte n / 8: as Postgres' `get_bit` counts. */
export function makeBloom(tokens: Pick<TokenSet, 'halves' | 'size'>): Uint8Array {
  const bloom = new Uint8Array(bloomBytes(tokens.size));
  const mask = 8 * bloom.length - 1;
  for (let index = 0; index < tokens.size; index++) {
    const step = tokens.halves[2 * index + 1]! | 1;
    for (let hash = 0, at = tokens.halves[2 * index]!; hash < HASHES; hash++, at = (at + step) | 0) {
      const bit = at & mask;
      bloom[bit >>> 3]! |= 1 << (bit & 7);
    }
  }
  return bloom;
}

/** Whether all of these bits, as `bitsOf` gives them, are set. */
export function hasBits(bloom: Uint8Array, bits: readonly number[]): boolean {
  const mask = 8 * bloom.length - 1;
  return bits.every((at) => ((bloom[(at & mask) >>> 3]! >>> (at & 7)) & 1) === 1);
}
