import { describe, expect, it } from 'vitest';
import { allOf } from '../../logic.js';
import { at, behindIpv4, equals } from '../lower/tests.js';
import { decideTest, isCoveredBy, isInside, knownValue, learnTest, meetFacts, noFacts } from './facts.js';
import { buildGraph, type NumberedTest } from './graph.js';

const { nodes } = buildGraph(allOf(equals(at(0, 2), 7), equals(at(8, 4), 9), equals(behindIpv4(14, 0, 2), 80)));
const [start, far, behind] = nodes.map(({ test }) => test) as [NumberedTest, NumberedTest, NumberedTest];

describe('facts', () => {
  it('know a field’s value once it was found', () => {
    const facts = learnTest(noFacts, start, true);
    expect([decideTest(facts, start), knownValue(facts, start), knownValue(facts, far)]).toEqual([true, 7, undefined]);
    expect(decideTest(learnTest(noFacts, start, false), start)).toBe(false);
  });
  it('know that a packet reaches as far as a load did', () => {
    const facts = learnTest(noFacts, far, undefined);
    expect([isInside(facts, start), isInside(facts, far), isInside(facts, behind)]).toEqual([true, true, false]);
    expect(isInside(learnTest(noFacts, start, true), far)).toBe(false);
    expect(isInside(learnTest(noFacts, behind, true), behind)).toBe(true);
  });
  it('keep on meeting what both ways know', () => {
    const met = meetFacts(learnTest(learnTest(noFacts, far, true), start, true), learnTest(noFacts, start, true));
    expect([decideTest(met, start), decideTest(met, far), isInside(met, start), isInside(met, far)]).toEqual([
      true,
      undefined,
      true,
      false,
    ]);
  });
  it('know which load fails only with another', () => {
    expect([isCoveredBy(start.field, far.field), isCoveredBy(far.field, start.field)]).toEqual([true, false]);
    expect([isCoveredBy(behind.field, far.field), isCoveredBy(start.field, behind.field)]).toEqual([false, false]);
  });
});
