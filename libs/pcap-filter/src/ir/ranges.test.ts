import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  ALL_BITS,
  between,
  complement,
  contains,
  countValues,
  EVERYTHING,
  intersection,
  onlyMissing,
  onlyValue,
  rangesOf,
  single,
  union,
} from './ranges.js';

// Numbers near each other and near both ends, so that ranges meet.
const number = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: ALL_BITS - 20, max: ALL_BITS }));
const part = fc.tuple(number, number).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const parts = fc.array(part, { maxLength: 8 });
const isIn = (list: readonly { from: number; to: number }[], value: number) =>
  list.some(({ from, to }) => from <= value && value <= to);

it('holds the numbers of its parts, sorted and apart', () => {
  fc.assert(
    fc.property(parts, number, (list, value) => {
      const ranges = rangesOf(list);
      expect(contains(ranges, value)).toBe(isIn(list, value));
      for (let index = 1; index < ranges.length; index++) {
        const gap = (ranges[index] ?? 0) - (ranges[index - 1] ?? 0);
        expect(gap).toBeGreaterThanOrEqual(index % 2 === 0 ? 2 : 0);
      }
    }),
  );
});

it('is turned round, cut and joined number by number', () => {
  fc.assert(
    fc.property(parts, parts, number, (a, b, value) => {
      const [one, other] = [rangesOf(a), rangesOf(b)];
      expect(contains(complement(one), value)).toBe(!isIn(a, value));
      expect(contains(intersection(one, other), value)).toBe(isIn(a, value) && isIn(b, value));
      expect(contains(union(one, other), value)).toBe(isIn(a, value) || isIn(b, value));
    }),
  );
});

it('knows its only value and its size', () => {
  expect([onlyValue(single(7)), onlyValue(rangesOf([])), countValues(complement(single(7)))]).toEqual([
    7,
    undefined,
    ALL_BITS,
  ]);
});

it('knows the only number that is missing', () => {
  for (const value of [0, 1, 7, ALL_BITS - 1, ALL_BITS]) expect(onlyMissing(complement(single(value)))).toBe(value);
  for (const ranges of [single(0), rangesOf([]), EVERYTHING, complement(between(7, 8)), between(1, 9)]) {
    expect(onlyMissing(ranges)).toBeUndefined();
  }
});
