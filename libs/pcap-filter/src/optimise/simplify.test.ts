import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyPacketBytes, anyValue } from '../../../../tests/conformance/ir/any-ir.js';
import { whole } from '../../../../tests/conformance/packets/packets.js';
import { valueIn } from '../ir/evaluate.js';
import { at, behind, binary, constant, type Value } from '../ir/ir.js';
import { ALWAYS_OUTSIDE, simplify } from './simplify.js';

const nothing = () => undefined;
const slot: Value = { kind: 'slot', slot: 0 };
const field = at(3, 1);

describe('simplify', () => {
  it('keeps the number, and where there is none', () => {
    const slots = fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 3, maxLength: 3 });
    const known = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 });
    const same = fc.property(anyValue, anyPacketBytes, slots, known, (value, bytes, numbers, isKnown) => {
      const simple = simplify(value, (number) => (isKnown[number] ? numbers[number] : undefined));
      const held = new Map(numbers.entries());
      expect(valueIn(simple, whole(bytes), held)).toBe(valueIn(value, whole(bytes), held));
    });
    fc.assert(same, { numRuns: 5000 });
  });

  it.each<[string, Value, Value]>([
    ['works out constants', binary('+', constant(4), constant(5)), constant(9)],
    ['works out modulo 2^32', binary('-', constant(4), constant(5)), constant(0xffff_ffff)],
    ['works out what is negated', { kind: 'negate', operand: constant(1) }, constant(0xffff_ffff)],
    [
      'leaves a division by 0, which ends the program',
      binary('/', constant(4), constant(0)),
      binary('/', constant(4), constant(0)),
    ],
    ['leaves out what adds nothing', binary('<<', binary('+', field, constant(0)), constant(0)), field],
    ['keeps a mask of 0, and its load', binary('&', field, constant(0)), binary('&', field, constant(0))],
    [
      'adds what is added twice',
      binary('+', binary('+', field, constant(3)), constant(5)),
      binary('+', field, constant(8)),
    ],
    ['loads at the place that a base says', behind(constant(14), 20, 2), at(34, 2)],
    [
      'loads behind the part of a base that is not known',
      behind(binary('+', slot, constant(8)), 2, 1),
      behind(slot, 10, 1),
    ],
    ['does so on either side', behind(binary('+', constant(8), slot), 2, 1), behind(slot, 10, 1)],
    [
      'lets a sum of offsets wrap as the machine does',
      behind(binary('+', slot, constant(0xffff_fffe)), 4, 1),
      behind(slot, 2, 1),
    ],
    ['writes what no packet has in one way', at(0x8000_0000, 4), at(ALWAYS_OUTSIDE, 4)],
  ])('%s', (_, value, expected) => {
    expect(simplify(value, nothing)).toEqual(expected);
  });
  it('puts in the number of a slot', () => {
    expect(simplify(behind(slot, 12, 2), (number) => (number === 0 ? 4 : undefined))).toEqual(at(16, 2));
  });
  it('gives back what cannot be shorter as it is', () => {
    const value = binary('&', behind(slot, 0, 1), field);
    expect(simplify(value, nothing)).toBe(value);
  });
});
