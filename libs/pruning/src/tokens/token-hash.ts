/**
 * A token is a kind and a value of one, two or four 32-bit words. The numbers are part of the stored format: a Bloom
 * filter that was written with others finds nothing.
 */
export const TokenKind = {
  ipv4: { 32: 1, 24: 2, 16: 3, 8: 4 },
  ipv6: { 128: 5, 64: 6, 48: 7, 32: 8 },
  port: 9,
  mac: 10,
  vlan: 11,
} as const;

const KINDS = 12;
/** The 64-bit hash of a token: two halves, each MurmurHash3_x86_32 of kind and words under its own seed. */
const SEEDS = [0x2545_f491, 0x9e37_79b9] as const;

/** Murmur's state behind the kind, the first word of every token. */
const [first, second] = SEEDS.map((seed) => Int32Array.from({ length: KINDS }, (_, kind) => mixed(seed, kind))) as [
  Int32Array,
  Int32Array,
];

/** Where murmur starts for a token's first half, and for its second. */
export const firstState = (kind: number): number => first[kind]!;
export const secondState = (kind: number): number => second[kind]!;

/** Takes in one word of the value. */
export function mixed(state: number, word: number): number {
  let k = Math.imul(word, 0xcc9e_2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b87_3593);
  const h = state ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe654_6b64) | 0;
}

/** @param words of the token, its kind included */
export function finished(state: number, words: number): number {
  let h = state ^ (4 * words);
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return h ^ (h >>> 16);
}

/** Both halves, for who asks for few; ingest computes them in place (`TokenSet`). */
export function hashOf(kind: number, words: readonly number[]): readonly [number, number] {
  const half = (state: number) => finished(words.reduce(mixed, state), 1 + words.length);
  return [half(firstState(kind)), half(secondState(kind))];
}
