import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allKnown, and, either, equals, hasAny, type Known, numberIn, shiftRight } from './known-bits.js';

/** A number and something true that is known of it. */
const fact = fc
  .tuple(fc.oneof(fc.integer(), fc.nat(8)), fc.oneof(fc.integer(), fc.constantFrom(0, -1, 0xff, 0x1fff)))
  .map(([number, mask]) => ({ number, known: { mask, value: number & mask } }));
const holds = ({ mask, value }: Known, number: number): boolean => (number & mask) === value && (value & ~mask) === 0;
const operand = fc.oneof(fc.integer(), fc.nat(8), fc.constantFrom(0x1fff, 0x800, 0xffff_ffff));

describe('what is known of numbers', () => {
  it('is true of the number on either way', () => {
    fc.assert(
      fc.property(fact, fact, (one, other) => {
        const known = either(one.known, other.known);
        expect([holds(known, one.number), holds(known, other.number)]).toEqual([true, true]);
      }),
    );
  });

  it('is true of what is worked out with it', () => {
    fc.assert(
      fc.property(fact, fact, fc.nat(40), (one, other, distance) => {
        expect(holds(and(one.known, other.known), one.number & other.number)).toBe(true);
        expect(holds(shiftRight(one.known, distance), (one.number >>> distance) | 0)).toBe(true);
      }),
    );
  });

  it('decides tests only as the number itself does', () => {
    fc.assert(
      fc.property(fact, operand, ({ number, known }, k) => {
        expect([undefined, number === (k | 0)]).toContain(equals(known, k));
        expect([undefined, (number & k) !== 0]).toContain(hasAny(known, k));
        expect([undefined, number]).toContain(numberIn(known));
      }),
    );
  });

  it('decides all that it can', () => {
    expect([equals(allKnown(7), 7), equals(allKnown(7), 8), numberIn(allKnown(7))]).toEqual([true, false, 7]);
    expect(hasAny({ mask: 0x1fff, value: 0 }, 0x1fff)).toBe(false);
    expect(hasAny({ mask: 1, value: 1 }, 0x1fff)).toBe(true);
    expect(equals({ mask: 0xff, value: 6 }, 17)).toBe(false);
    expect(and({ mask: 0, value: 0 }, allKnown(0xf0))).toEqual({ mask: ~0xf0, value: 0 });
  });
});
