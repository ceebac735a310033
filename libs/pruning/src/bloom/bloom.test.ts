import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashOf, TokenKind } from '../tokens/token-hash.js';
import { MOST_TOKENS, TokenSet } from '../tokens/token-set.js';
import { bitsOf, bloomBytes, hasBits, makeBloom } from './bloom.js';

const ports = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);
const bitsOfPort = (port: number) => bitsOf(...hashOf(TokenKind.port, [port]));

function setOf(numbers: readonly number[]): TokenSet {
  const set = new TokenSet();
  for (const number of numbers) set.add(TokenKind.port, number);
  return set;
}

describe('bloomBytes', () => {
  it.each([
    [0, 128],
    [102, 128],
    [103, 256],
    [6553, 8192],
    [6554, 8192],
    [MOST_TOKENS, 8192],
  ])('gives %i tokens %i bytes', (tokens, bytes) => {
    expect(bloomBytes(tokens)).toBe(bytes);
  });
});

describe('makeBloom', () => {
  it('has every token that went in, at any size', () => {
    for (const count of [1, 100, 103, 300, 1000, 3000, 6000, MOST_TOKENS]) {
      const bloom = makeBloom(setOf(ports(count)));
      expect(ports(count).filter((port) => !hasBits(bloom, bitsOfPort(port)))).toEqual([]);
    }
  });
  it('has few others', () => {
    for (const count of [102, 204, 409, 819, 1638, 3276, 6553]) {
      const bloom = makeBloom(setOf(ports(count)));
      const wrong = ports(20_000, 1_000_000).filter((port) => hasBits(bloom, bitsOfPort(port)));
      // Ten bits and seven hashes: 0.8 %.
      expect(wrong.length / 20_000).toBeLessThan(0.015);
    }
  });
});

describe('TokenSet', () => {
  it('counts each token once, over many sections', () => {
    const set = new TokenSet();
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5000 }), { maxLength: 9000 }), (numbers) => {
        set.clear();
        const seen = new Set<number>();
        for (const number of numbers) {
          expect(set.add(TokenKind.port, number)).toBe(!seen.has(number));
          seen.add(number);
        }
        expect(set.size).toBe(seen.size);
      }),
      { numRuns: 50 },
    );
  });
  it('says when it is full, and is empty again afterwards', () => {
    const set = setOf(ports(MOST_TOKENS));
    expect(set.isFull).toBe(false);
    expect(set.add(TokenKind.port, 1)).toBe(false);
    expect(set.isFull).toBe(false);
    set.add(TokenKind.port, MOST_TOKENS);
    expect(set.isFull).toBe(true);
    set.clear();
    expect(set.isFull).toBe(false);
    expect(set.add(TokenKind.port, 1)).toBe(true);
    expect(set.size).toBe(1);
  });
});
