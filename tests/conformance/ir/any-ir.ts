import fc from 'fast-check';
import {
  binary,
  type Condition,
  constant,
  type Ir,
  type Load,
  type Value,
} from '../../../libs/pcap-filter/src/ir/ir.js';
import { ALL_BITS, between, complement, EVERYTHING, NOTHING, single } from '../../../libs/pcap-filter/src/ir/ranges.js';
import { type Logic, leafOf } from '../../../libs/pcap-filter/src/logic.js';

/** Few numbers, places and slots, so that questions meet: a pass that learns from one must have others to decide. */
const NUMBERS = [0, 1, 2, 0x40, 0xff] as const;
const SLOTS = 3;

const load = (base: Value | undefined): fc.Arbitrary<Load> =>
  fc.record({
    kind: fc.constant('load' as const),
    size: fc.constantFrom(1 as const, 1 as const, 2 as const, 4 as const),
    base: fc.constant(base),
    offset: fc.integer({ min: 0, max: 6 }),
  });
const slot: fc.Arbitrary<Value> = fc.record({
  kind: fc.constant('slot' as const),
  slot: fc.integer({ min: 0, max: SLOTS - 1 }),
});

/** What a question is mostly about: a field. */
const field: fc.Arbitrary<Value> = fc.oneof(
  { weight: 6, arbitrary: load(undefined) },
  { weight: 2, arbitrary: slot.chain(load) },
  { weight: 1, arbitrary: load(undefined).chain(load) },
  { weight: 1, arbitrary: slot },
  { weight: 1, arbitrary: fc.constant<Value>({ kind: 'length' }) },
);
const operators = ['+', '-', '&', '*', '/', '%', '>>', '<<', '|', '^'] as const;
const calculatedFrom = (left: fc.Arbitrary<Value>): fc.Arbitrary<Value> =>
  fc
    .tuple(fc.constantFrom('+', ...operators), left, fc.oneof(fc.constantFrom(...NUMBERS).map(constant), field))
    .map(([operator, a, b]) => binary(operator, a, b));
const calculated = calculatedFrom(fc.oneof(field, fc.constantFrom(...NUMBERS).map(constant), calculatedFrom(field)));
export const anyValue: fc.Arbitrary<Value> = fc.oneof(
  { weight: 8, arbitrary: field },
  { weight: 2, arbitrary: calculated },
  { weight: 1, arbitrary: calculated.chain(load) },
  { weight: 1, arbitrary: fc.oneof(field, calculated).map((operand) => ({ kind: 'negate', operand }) as const) },
);

const number = fc.constantFrom(...NUMBERS);
const within = fc.oneof(
  { weight: 5, arbitrary: number.map(single) },
  { weight: 2, arbitrary: number.map((one) => complement(single(one))) },
  { weight: 2, arbitrary: fc.tuple(number, number).map(([a, b]) => between(Math.min(a, b), Math.max(a, b))) },
  // Decided by how large a field is, and by nothing.
  { weight: 2, arbitrary: fc.constantFrom(EVERYTHING, NOTHING, between(0, 0xff), between(0x100, ALL_BITS)) },
);
const mask = fc.constantFrom(ALL_BITS, ALL_BITS, ALL_BITS, 1, 0xf0);

const condition: fc.Arbitrary<Condition> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('test' as const), value: anyValue, mask, within }) },
  {
    weight: 1,
    arbitrary: fc.record({
      ...{ kind: fc.constant('compare' as const), left: field, right: field },
      comparison: fc.constantFrom('eq' as const, 'gt' as const, 'ge' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ kind: fc.constant('assign' as const), slot: fc.integer({ min: 0, max: SLOTS - 1 }) },
      value: fc.oneof(fc.integer({ min: 0, max: 4 }).map(constant), anyValue),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('always' as const), value: fc.boolean() }) },
);

function joinedFrom(conditions: fc.Arbitrary<Condition>): fc.Arbitrary<Ir> {
  const { ir } = fc.letrec<{ ir: Logic<Condition> }>((tie) => {
    const operator = fc.constantFrom('and' as const, 'or' as const);
    const rest = fc.array(fc.record({ operator, operand: tie('ir') }), { minLength: 1, maxLength: 3 });
    return {
      ir: fc.oneof(
        { maxDepth: 3, depthIdentifier: 'ir' },
        { weight: 3, arbitrary: conditions.map(leafOf) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant('not' as const), operand: tie('ir') }) },
        { weight: 4, arbitrary: fc.record({ kind: fc.constant('chain' as const), first: tie('ir'), rest }) },
      ),
    };
  });
  return ir;
}

/** Conditions joined in any way, as `lower` could join them. In every second a few are asked again and again. */
export const anyIr: fc.Arbitrary<Ir> = fc.oneof(
  joinedFrom(condition),
  fc.array(condition, { minLength: 1, maxLength: 4 }).chain((few) => joinedFrom(fc.constantFrom(...few))),
);

/** Questions about few fields and what is calculated from them: each stands in a register or a word when it is asked for again. */
export const anyIrOfFewFields: fc.Arbitrary<Ir> = fc.array(field, { minLength: 1, maxLength: 3 }).chain((fields) => {
  const one = fc.constantFrom(...fields);
  const pair = fc.tuple(fc.constantFrom(...operators), one, one).map(([operator, a, b]) => binary(operator, a, b));
  const either = fc.oneof(one, pair);
  const nested = fc
    .tuple(fc.constantFrom(...operators), either, either)
    .map(([operator, a, b]) => binary(operator, a, b));
  const negated = either.map((operand) => ({ kind: 'negate', operand }) as const);
  const value = fc.oneof(one, one, pair, nested, negated);
  return joinedFrom(fc.record({ kind: fc.constant('test' as const), value, mask, within }));
});

/** Most are too short for something. */
export const anyPacketBytes: fc.Arbitrary<Uint8Array> = fc
  .array(fc.oneof(number, fc.integer({ min: 0, max: 4 })), { maxLength: 12 })
  .map((bytes) => Uint8Array.from(bytes));
