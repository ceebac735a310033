import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at } from '../ir/ir.js';
import { ALL_BITS, between, complement, contains, type Ranges, rangesOf, single } from '../ir/ranges.js';
import { StepTable } from './graph.js';
import { decide, exactly, type Knowledge, learn, meet, nothingKnown } from './knowledge.js';
import type { TestStep } from './step.js';

const table = new StepTable();
const value = table.values.number(at(0, 4));
const test = (within: Ranges, mask = ALL_BITS): TestStep => table.test(value, mask, within) as TestStep;
const answerOf = ({ mask, within }: TestStep, number: number) => contains(within, (number & mask) >>> 0);

// Near each other, so that tests decide each other.
const number = fc.oneof(
  fc.integer({ min: 0, max: 18 }),
  fc.constantFrom(0x40, 0x80, 0xf0, 0xff, 0x8000_0000, ALL_BITS),
);
const range = fc.tuple(number, number).map(([a, b]) => ({ from: Math.min(a, b), to: Math.max(a, b) }));
const ranges = fc.oneof(
  number.map(single),
  number.map((one) => complement(single(one))),
  fc.array(range, { maxLength: 4 }).map(rangesOf),
  // More than is kept.
  fc.constant(rangesOf(Array.from({ length: 60 }, (_, index) => ({ from: 3 * index, to: 3 * index + 1 })))),
);
const anyTest = fc
  .tuple(ranges, fc.constantFrom(ALL_BITS, ALL_BITS, 1, 2, 3, 0xf0, 0xff, 0xffff_fff0))
  .map(([within, mask]) => test(within, mask));
const tests = fc.array(anyTest, { maxLength: 6 });

/** What tests of this number told. */
const learnt = (of: number, list: readonly TestStep[], start: Knowledge = nothingKnown(ALL_BITS)) =>
  list.reduce((knowledge, one) => learn(knowledge, one, answerOf(one, of)), start);

describe('decide', () => {
  it('says nothing that is not so of any number of which the same was learnt', () => {
    const right = fc.property(number, tests, anyTest, (of, list, asked) => {
      expect([answerOf(asked, of), undefined]).toContain(decide(learnt(of, list), asked));
    });
    fc.assert(right, { numRuns: 20_000 });
  });
  it('says nothing that is not so where two ways meet', () => {
    const right = fc.property(number, tests, tests, number, anyTest, (of, list, other, instead, asked) => {
      const met = meet(learnt(of, list), learnt(instead, other));
      expect([answerOf(asked, of), undefined]).toContain(decide(met, asked));
      expect([answerOf(asked, instead), undefined]).toContain(decide(met, asked));
    });
    fc.assert(right, { numRuns: 20_000 });
  });

  const [isSeven, isEight] = [test(single(7)), test(single(8))];
  it.each<[string, Knowledge, TestStep, boolean | undefined]>([
    ['the same again', learn(nothingKnown(255), isSeven, true), isSeven, true],
    ['the same again, denied', learn(nothingKnown(255), isSeven, false), isSeven, false],
    ['another value', learn(nothingKnown(255), isSeven, true), isEight, false],
    ['another value, the first denied', learn(nothingKnown(255), isSeven, false), isEight, undefined],
    ['a range with the value', learn(nothingKnown(255), isSeven, true), test(between(5, 9)), true],
    ['a value above the field', nothingKnown(255), test(single(256)), false],
    ['a range that holds the whole field', nothingKnown(255), test(between(0, 300)), true],
    ['a range behind the known one', learn(nothingKnown(255), test(between(5, 9)), true), test(between(10, 20)), false],
    ['bits of a known value', exactly(0x12), test(single(0x10), 0xf0), true],
    ['bits above the field', nothingKnown(255), test(complement(single(0)), 0x100), false],
    ['bits that were denied', learn(nothingKnown(255), test(single(2), 2), false), test(single(2), 2), false],
    ['more bits than were denied', learn(nothingKnown(255), test(single(2), 2), false), test(single(6), 6), false],
    ['fewer bits than were denied', learn(nothingKnown(255), test(single(6), 6), false), test(single(2), 2), undefined],
    ['what cannot be under its mask', nothingKnown(255), test(single(3), 2), false],
    ['what is left of a field', learn(nothingKnown(1), test(single(0)), false), test(single(1)), true],
  ])('decides %s', (_, knowledge, asked, expected) => {
    expect(decide(knowledge, asked)).toBe(expected);
  });
});

describe('meet', () => {
  it('keeps what both ways know', () => {
    const met = meet(learnt(5, [test(single(5))]), learnt(7, [test(single(7))]));
    expect([5, 6, 7].map((one) => decide(met, test(single(one))))).toEqual([undefined, false, undefined]);
    // Both are odd.
    expect(decide(met, test(single(1), 1))).toBe(true);
  });
  it('keeps what one way denied and the other cannot be', () => {
    const denied = learn(nothingKnown(255), test(single(2), 2), false);
    expect(decide(meet(denied, exactly(5)), test(single(2), 2))).toBe(false);
    expect(decide(meet(denied, exactly(6)), test(single(2), 2))).toBe(undefined);
  });
});
