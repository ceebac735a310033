import { describe, expect, it } from 'vitest';
import { at, behind, binary, constant, type Value } from '../ir/ir.js';
import { ALL_BITS, single } from '../ir/ranges.js';
import {
  decideStep,
  type Facts,
  isCoveredBy,
  isInside,
  learnStep,
  meetFacts,
  noFacts,
  withKnownSlots,
} from './facts.js';
import { StepTable } from './graph.js';
import type { Step } from './step.js';

const table = new StepTable();
const test = (value: Value, number = 1): Step => table.test(table.values.number(value), ALL_BITS, single(number));
const assign = (slot: number, value: Value): Step => table.assign(slot, table.values.number(value));
const slot = (number: number): Value => ({ kind: 'slot', slot: number });
const after = (...steps: readonly Step[]) =>
  steps.reduce<Facts>((facts, step) => learnStep(facts, step, true, table), noFacts);

describe('isInside', () => {
  it.each<[string, Facts, Step, boolean]>([
    ['a load, before anything was loaded', noFacts, test(at(0, 1)), false],
    ['a load that was done', after(test(at(12, 2))), test(at(12, 2), 2), true],
    ['one that ends where that did', after(test(at(12, 2))), test(at(13, 1)), true],
    ['one that ends further on', after(test(at(12, 2))), test(at(13, 2)), false],
    ['one behind a value, with that value alone known', after(test(at(14, 1))), test(behind(at(14, 1), 0, 1)), false],
    ['one behind a value, that was done', after(test(behind(at(14, 1), 0, 1))), test(behind(at(14, 1), 0, 1), 2), true],
    ['what loads nothing', noFacts, test({ kind: 'length' }), true],
    ['a division, with its operands known', after(test(at(0, 2))), test(binary('/', at(0, 1), at(1, 1))), false],
    [
      'a division that was done',
      after(test(binary('/', at(0, 1), at(1, 1)))),
      test(binary('/', at(0, 1), at(1, 1)), 2),
      true,
    ],
  ])('tells it of %s', (_, facts, step, expected) => {
    expect(isInside(facts, step)).toBe(expected);
  });
});

describe('isCoveredBy', () => {
  it.each<[string, Step, Step, boolean]>([
    ['one that ends further on', test(at(4, 2)), test(at(6, 1)), true],
    ['one that ends at the same place', test(at(4, 2)), test(at(5, 1)), true],
    ['one that ends earlier', test(at(4, 2)), test(at(4, 1)), false],
    ['what the second loads on its way', test(at(4, 2)), test(behind(at(6, 1), 0, 1)), true],
    ['the same behind a value', test(behind(at(0, 1), 9, 1)), test(behind(at(0, 1), 9, 1), 2), true],
    ['another behind a value', test(behind(at(0, 1), 9, 1)), test(behind(at(0, 1), 10, 1)), false],
    ['one that loads nothing', test(at(4, 2)), test({ kind: 'length' }), false],
    ['a division, which further loads do not do', test(binary('/', constant(1), at(0, 1))), test(at(9, 1)), false],
  ])('tells it of %s', (_, first, second, expected) => {
    expect(isCoveredBy(noFacts, first, second)).toBe(expected);
  });
});

describe('learnStep', () => {
  it('knows the answer, and that the load was there', () => {
    const facts = after(test(at(12, 2), 7));
    expect(decideStep(facts, test(at(12, 2), 7))).toBe(true);
    expect(decideStep(facts, test(at(12, 2), 8))).toBe(false);
    expect(decideStep(learnStep(noFacts, test(at(12, 2), 7), undefined, table), test(at(12, 2), 7))).toBe(undefined);
  });
  it('forgets what was made from a slot when it is filled anew', () => {
    const read = test(behind(slot(0), 0, 1));
    expect(decideStep(after(assign(0, at(0, 1)), read), read)).toBe(true);
    expect(decideStep(after(assign(0, at(0, 1)), read, assign(0, at(1, 1))), read)).toBe(undefined);
    expect(decideStep(after(assign(0, at(0, 1)), read, assign(1, at(1, 1))), read)).toBe(true);
  });
});

describe('meetFacts', () => {
  const near = after(test(at(0, 1)), assign(0, constant(4)), assign(1, constant(2)));
  const far = after(test(at(9, 1)), assign(0, constant(4)));
  it('knows as much of the packet as the shorter way', () => {
    expect(isInside(meetFacts(near, far), test(at(0, 1)))).toBe(true);
    expect(isInside(meetFacts(near, far), test(at(1, 1)))).toBe(false);
    expect(decideStep(meetFacts(near, far), test(at(0, 1)))).toBe(undefined);
  });
  it('knows a slot that holds the same on both', () => {
    const met = meetFacts(near, far);
    expect(withKnownSlots(met, test(behind(slot(0), 10, 1)), table)).toBe(test(at(14, 1)));
    // 2 on one way, 0 on the other, where it was not assigned.
    expect(withKnownSlots(met, test(behind(slot(1), 10, 1)), table)).toBe(test(behind(slot(1), 10, 1)));
  });
  it('knows what the only way knows', () => {
    expect(meetFacts(undefined, near)).toBe(near);
  });
});

describe('withKnownSlots', () => {
  it('makes a test of a comparison, and a calculation', () => {
    const facts = after(assign(0, constant(20)));
    const [left, right] = [at(0, 1), slot(0)].map((value) => table.values.number(value));
    if (left === undefined || right === undefined) throw new Error('two values');
    expect(withKnownSlots(facts, table.compare(left, 'eq', right), table)).toBe(test(at(0, 1), 20));
    expect(withKnownSlots(facts, assign(1, binary('+', slot(0), constant(2))), table)).toBe(assign(1, constant(22)));
  });
});
