import { describe, expect, it } from 'vitest';
import { finished, hashOf, mixed, TokenKind } from './token-hash.js';

/** MurmurHash3_x86_32 of the words in little-endian order. */
const murmur = (seed: number, words: readonly number[]) => finished(words.reduce(mixed, seed), words.length) >>> 0;

describe('token hashes', () => {
  it('are MurmurHash3_x86_32, whose published values come out', () => {
    expect(murmur(0, [])).toBe(0);
    expect(murmur(1, [])).toBe(0x514e28b7);
    // "aaaa" and "Hello, world!!!!" without its last four bytes, seed 0x9747b28c
    expect(murmur(0x9747b28c, [0x61616161])).toBe(0x5a97808a);
    expect(murmur(0, [0x87654321])).toBe(0xf55b516b);
    expect(murmur(0x5082edee, [0x87654321])).toBe(0x2362f9de);
  });
  it('stay as they were written once: stored filters depend on them', () => {
    expect(hashOf(TokenKind.port, [443])).toMatchInlineSnapshot(`
      [
        -1565613079,
        603126607,
      ]
    `);
    expect(hashOf(TokenKind.ipv6[128], [0x20010db8, 0, 0, 1])).toMatchInlineSnapshot(`
      [
        850519234,
        2135185738,
      ]
    `);
  });
});
