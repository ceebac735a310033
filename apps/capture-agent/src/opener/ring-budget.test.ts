import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideRings, RING_MIN_BYTES, ringShare } from './ring-budget.js';

const MiB = 1024 * 1024;

describe('the memory for rings', () => {
  it.each([
    ['all of it for one', 64, [], 1, 64, false],
    ['an even share for several', 64, [], 4, 16, false],
    ['what is left for one more', 64, [20], 1, 32, false],
    ['what is left, though it is little', 64, [60], 1, 4, false],
    ['half of the largest when nothing is left', 64, [64], 1, 32, true],
    ['half of the largest of several', 64, [40, 24], 1, 20, true],
    ['the least there can be when there are many', 8, [1, 1, 1, 1, 1, 1], 2, 1, false],
  ])('gives %s', (_, budget, held, opening, share, mustShrink) => {
    const rings = held.map((size) => size * MiB);
    const found = ringShare(budget * MiB, rings, opening);
    expect(found).toEqual({ ringBytes: Math.floor(share * MiB), mustShrink });
  });

  it('is used up when no ring can give anything away', () => {
    expect(ringShare(2 * MiB, [MiB, MiB], 1)).toBeUndefined();
    expect(ringShare(MiB / 2, [], 1)).toBeUndefined();
  });

  it.each([
    ['half of one ring for another', 64, [64], 1, [32], [32]],
    ['a ring that gives away half of itself again and again', 8, [8], 7, [1], [1, 1, 1, 1, 1, 1, 1]],
    ['nothing for those that find no room', 2, [1], 3, [1], [1]],
  ])('divides %s', (_, budget, held, opening, left, opened) => {
    const inBytes = (sizes: readonly number[]) => sizes.map((size) => size * MiB);
    expect(divideRings(budget * MiB, inBytes(held), opening)).toEqual({
      held: inBytes(left),
      opening: inBytes(opened),
    });
  });

  it('is never exceeded once the rings that were halved are gone', () => {
    const budgets = fc.integer({ min: 1, max: 256 });
    fc.assert(
      fc.property(budgets, fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 20 }), (mebibytes, arrivals) => {
        const budget = mebibytes * MiB;
        let rings: readonly number[] = [];
        for (const count of arrivals) {
          const { held, opening } = divideRings(budget, rings, count);
          expect(held.every((bytes, number) => bytes <= rings[number]!)).toBe(true);
          rings = [...held, ...opening];
          expect(Math.min(...rings)).toBeGreaterThanOrEqual(RING_MIN_BYTES);
          expect(rings.reduce((sum, ring) => sum + ring, 0)).toBeLessThanOrEqual(budget);
        }
      }),
    );
  });
});
