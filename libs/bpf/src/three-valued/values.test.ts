import { describe, expect, it } from 'vitest';
import { Random, seedOfRun } from '../../../../tests/conformance/random.js';
import { BPF } from '../opcodes.js';
import { calculate } from '../run/interpret.js';
import { calculateValue } from './arithmetic.js';
import { amongMembers } from './members.js';
import { inverse, operandsOf } from './operands.js';
import { related } from './relations.js';
import { between, both, canBe, certain, either, narrowed, type Value, withBits } from './value.js';
import { byteOf, joinedBytes } from './words.js';

const seed = seedOfRun();
const ALL = 0xffff_ffff;
const operations = [BPF.ADD, BPF.SUB, BPF.MUL, BPF.DIV, BPF.MOD, BPF.AND, BPF.OR, BPF.XOR, BPF.LSH, BPF.RSH, BPF.NEG];

function randomNumber(random: Random): number {
  const any = random.below(2 ** 32);
  return random.of([any, random.below(300), 2 ** 32 - 1 - random.below(300), 2 ** random.below(32)]);
}

/** Something true of the number. */
function knowledgeOf(number: number, random: Random): Value {
  const some = (random.below(2 ** 32) & random.below(2 ** 32)) >>> 0;
  const known = random.of([0, random.below(2 ** 32), some, ~some >>> 0, 0xffff_ff00, ALL]);
  const distance = () => random.below(random.of([1, 3, 300, 2 ** 32]));
  const [low, high] = [Math.max(0, number - distance()), Math.min(ALL, number + distance())];
  return narrowed(low, high, known, (number & known) >>> 0) as Value;
}

function expectToHold(value: Value | undefined, number: number, ...context: unknown[]): void {
  const isNormal = value && [value.low, value.high].every((end) => canBe(value, end)) && !(value.bits & ~value.known);
  if (isNormal && canBe(value, number)) return;
  expect.fail(`seed ${seed}: ${JSON.stringify([value, number, ...context])}`);
}

describe(`what is known of numbers (BPFLEET_TEST_SEED=${seed})`, () => {
  it('is true of the number after every operation, of its operands, after every test, and together', () => {
    const random = new Random(seed);
    for (let round = 0; round < 20_000; round++) {
      const [left, right] = [randomNumber(random), randomNumber(random)];
      const [a, operand] = [knowledgeOf(left, random), knowledgeOf(right, random)];
      expectToHold(either(a, operand), left, a, operand);
      expectToHold(either(a, operand), right, a, operand);
      expectToHold(both(a, knowledgeOf(left, random)), left, a);
      for (const operation of operations) {
        const isDivision = operation === BPF.DIV || operation === BPF.MOD;
        if (isDivision && operand.low === 0) continue;
        const result = calculate(operation, left, right) as number;
        const value = calculateValue(operation, a, operand);
        expectToHold(value, result, operation, a, operand);
        const known = both(value, knowledgeOf(result, random)) as Value;
        const shown = operandsOf(operation, known, a, operand);
        expectToHold(shown.a, left, operation, known, a, operand);
        expectToHold(shown.operand, right, operation, known, a, operand);
      }
      for (const [test, holds] of testsOf(left, right)) {
        const [first, second] = related(test, a, operand, holds) ?? [];
        expectToHold(first, left, test, a, operand);
        expectToHold(second, right, test, a, operand);
      }
      const set = Uint32Array.from([5, 9, 200, 200, 2 ** 31, ALL - 7]);
      const isMember = (left >= 5 && left <= 9) || left === 200 || (left >= 2 ** 31 && left <= ALL - 7);
      expectToHold(amongMembers(set, a, isMember), left, a);
    }
  });

  it.each([
    ['the last bits of a sum', calculateValue(BPF.ADD, withBits(0xff, 0xf0), certain(0x20)), withBits(0xff, 0x10)],
    ['a product by a power of 2', calculateValue(BPF.MUL, withBits(0, 0), certain(2 ** 30)), withBits(2 ** 30 - 1, 0)],
    ['a negation', calculateValue(BPF.NEG, between(3, 9), certain(0)), between(2 ** 32 - 9, 2 ** 32 - 3)],
    ['a shift by a few distances', calculateValue(BPF.RSH, between(0, 255), between(4, 5)), between(0, 15)],
    ['a remainder in one round', calculateValue(BPF.MOD, between(201, 207), certain(100)), between(1, 7)],
    ['the factor of a product', operandsOf(BPF.MUL, certain(1), between(0, ALL), certain(3)).a, certain(0xaaaa_aaab)],
    ['no factor of an odd product', operandsOf(BPF.MUL, certain(7), between(0, ALL), certain(4)).a, undefined],
    ['what a shift left over', operandsOf(BPF.LSH, certain(0x100), between(0, 255), certain(4)).a, certain(16)],
    ['a dividend', operandsOf(BPF.DIV, certain(3), between(0, ALL), certain(10)).a, between(30, 39)],
    ['a divisor', operandsOf(BPF.DIV, between(3, ALL), between(0, 100), between(1, 255)).operand, between(1, 33)],
    ['the only number left', related(BPF.JEQ, between(4, 5), certain(4), false)?.[0], certain(5)],
    ['the only bit left', related(BPF.JSET, withBits(0xf0, 0), certain(0xf1), true)?.[0], withBits(0xf1, 1)],
    ['an interval that the bits cut', narrowed(0x11, 0x2f, 0xf, 0), certain(0x20)],
    ['no number between', narrowed(0x11, 0x1f, 0xf, 0), undefined],
    ['the second byte of a word', byteOf(between(0x1234, 0x12ff), 0), between(0x34, 0xff)],
    ['a word of bytes', joinedBytes([certain(1), between(2, 9)]), between(0x102, 0x109)],
  ] as const)('is as narrow as it can be: %s', (_, found, expected) => {
    expect(found).toEqual(expected);
  });

  it('finds the inverse of every odd number', () => {
    const random = new Random(seed);
    for (let round = 0; round < 1000; round++) {
      const odd = (random.below(2 ** 32) | 1) >>> 0;
      expect(Math.imul(odd, inverse(odd))).toBe(1);
    }
  });
});

function testsOf(left: number, right: number): readonly (readonly [test: number, holds: boolean])[] {
  return [
    [BPF.JEQ, left === right],
    [BPF.JGT, left > right],
    [BPF.JGE, left >= right],
    [BPF.JSET, (left & right) !== 0],
  ];
}
