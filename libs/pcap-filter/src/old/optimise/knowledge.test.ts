import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALL_BITS, type Comparison, type Test } from '../lower/ir.js';
import { at } from '../lower/tests.js';
import { decide, type Knowledge, learn, meet, nothingKnown, questionOf } from './knowledge.js';

const byte = at(0, 1);
const test = (comparison: Comparison, operand: number, mask = ALL_BITS): Test => ({
  kind: 'test',
  field: byte,
  mask,
  comparison,
  operand,
});
type Answered = readonly [Test, boolean];

const after = (...answered: Answered[]) =>
  answered.reduce((known, [asked, answer]) => learn(known, questionOf(asked), answer), nothingKnown(byte));
const answerTo = (knowledge: Knowledge, asked: Test) => decide(knowledge, questionOf(asked));

describe('knowledge of a field', () => {
  it.each<[string, Answered[], Test, boolean | undefined]>([
    ['a value tells about another', [[test('eq', 6), true]], test('eq', 17), false],
    ['a value tells about itself', [[test('eq', 6), true]], test('eq', 6), true],
    ['a value tells about sizes', [[test('eq', 6), true]], test('gt', 5), true],
    ['a value tells about bits', [[test('eq', 6), true]], test('set', 9), false],
    ['another value tells nothing', [[test('eq', 6), false]], test('eq', 17), undefined],
    ['a denied value tells about itself', [[test('eq', 6), false]], test('eq', 6), false],
    ['bits tell about values', [[test('eq', 0x40, 0xf0), true]], test('eq', 0x51), false],
    ['bits tell about fewer bits', [[test('eq', 0x40, 0xf0), true]], test('eq', 0x40, 0xc0), true],
    ['denied bits tell about values', [[test('eq', 0x40, 0xf0), false]], test('eq', 0x45), false],
    [
      'denied and known bits tell together',
      [
        [test('eq', 0x45), false],
        [test('eq', 5, 0xf), true],
      ],
      test('eq', 0x40, 0xf0),
      false,
    ],
    ['no bit set tells about values', [[test('set', 0x0f), false]], test('eq', 1), false],
    ['some bit set tells about zero', [[test('set', 0xff), true]], test('eq', 0), false],
    [
      'a range tells about values outside',
      [
        [test('ge', 80), true],
        [test('gt', 90), false],
      ],
      test('eq', 91),
      false,
    ],
    ['a range tells about ranges', [[test('ge', 80), true]], test('ge', 79), true],
    [
      'a range of one value is that value',
      [
        [test('ge', 80), true],
        [test('gt', 80), false],
      ],
      test('eq', 80),
      true,
    ],
    ['no byte is above 255', [], test('gt', 255), false],
    ['no byte is 300', [], test('eq', 300), false],
    ['nothing is above all ones', [], { ...test('gt', ALL_BITS), field: at(0, 4) }, false],
    ['masked bits cannot be unmasked', [], test('eq', 0x41, 0xf0), false],
    ['no bits at all are always so', [], test('eq', 0, 0), true],
    ['the size of a masked field is unknown', [[test('eq', 6), true]], test('gt', 1, 0xf0), undefined],
  ])('%s', (_, answered, asked, expected) => {
    const start = nothingKnown(asked.field);
    const known = answered.reduce((before, [one, answer]) => learn(before, questionOf(one), answer), start);
    expect(answerTo(known, asked)).toBe(expected);
  });

  const anyTest = fc
    .tuple(
      fc.constantFrom<Comparison>('eq', 'gt', 'ge', 'set'),
      fc.nat(255),
      fc.constantFrom(ALL_BITS, 0xf0, 0x0f, 0x81),
    )
    .map(([comparison, operand, mask]) => test(comparison, operand, mask));
  const holds = ({ comparison, operand, mask }: Test, value: number) => {
    const masked = (value & mask) >>> 0;
    return { eq: masked === operand, gt: masked > operand, ge: masked >= operand, set: (masked & operand) !== 0 }[
      comparison
    ];
  };
  const trueAbout = (tests: readonly Test[], value: number) =>
    after(...tests.map((one): Answered => [one, holds(one, value)]));

  it('never says what is not so', () => {
    fc.assert(
      fc.property(fc.array(anyTest, { maxLength: 6 }), anyTest, fc.nat(255), (tests, asked, value) => {
        const answer = answerTo(trueAbout(tests, value), asked);
        expect(answer === undefined || answer === holds(asked, value)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
  it('keeps what is so whichever way was taken', () => {
    const tests = fc.array(anyTest, { maxLength: 5 });
    fc.assert(
      fc.property(tests, tests, anyTest, fc.nat(255), fc.nat(255), (one, other, asked, value, otherValue) => {
        const met = meet(trueAbout(one, value), trueAbout(other, otherValue));
        const answer = answerTo(met, asked);
        if (answer !== undefined) expect([holds(asked, value), holds(asked, otherValue)]).toEqual([answer, answer]);
      }),
      { numRuns: 2000 },
    );
  });
  it('remembers on meeting what both ways exclude', () => {
    const met = meet(after([test('eq', 6), true]), after([test('eq', 17), false], [test('ge', 6), true]));
    expect([answerTo(met, test('eq', 17)), answerTo(met, test('ge', 6)), answerTo(met, test('eq', 6))]).toEqual([
      false,
      true,
      undefined,
    ]);
  });
});
