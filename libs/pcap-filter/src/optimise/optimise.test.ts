import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyIr, anyPacketBytes } from '../../../../tests/conformance/ir/any-ir.js';
import { expectDecidedVerdictsKept } from '../../../../tests/conformance/ir/pass-property.js';
import { runOf } from '../../../../tests/conformance/ir/run-graph.js';
import { whole } from '../../../../tests/conformance/packets/packets.js';
import { at, type Ir } from '../ir/ir.js';
import { allOf, anyOf } from '../logic.js';
import { always, atMost, equals } from '../lower/conditions.js';
import { printGraph } from '../print/print-stages.js';
import { buildGraph } from './graph.js';
import { optimise } from './optimise.js';

const optimised = (ir: Ir) => {
  const { graph, steps } = buildGraph(ir);
  return printGraph(optimise(graph, steps));
};
/** Known by its size alone: only whether it is there counts. */
const isThere = (offset: number) => atMost(at(offset, 1), 299);
const isOne = (offset: number) => equals(at(offset, 1), 1);
const everything = always(true);

describe('optimise', () => {
  it('keeps every verdict, but for loads outside the packet whose questions decide nothing of it', () => {
    expectDecidedVerdictsKept(optimise);
  });
  it('never accepts what the plain form refuses for another reason than a load', () => {
    const refuses = fc.property(anyIr, anyPacketBytes, (ir, bytes) => {
      const { graph, steps } = buildGraph(ir);
      const why = runOf(graph, whole(bytes));
      if (why === 'refuses' || why === 'division')
        expect(runOf(optimise(graph, steps), whole(bytes))).not.toBe('accepts');
    });
    fc.assert(refuses, { numRuns: 1500 });
  });

  describe('a load that was asked for stays', () => {
    it('behind a question that decides nothing, whose load does for both', () => {
      expect(optimised(anyOf(isOne(9), isThere(4)))).toBe('0: load [9:1] then accept');
    });
    it('in front of questions that decide nothing, and go', () => {
      const undeciding = anyOf(isOne(9), everything);
      expect(optimised(allOf(isThere(4), undeciding))).toBe('0: load [4:1] then accept');
    });
    it('beside a question about the same field that decides nothing, and goes', () => {
      // `portrange 0-65535 and 443 or 0-65535`
      expect(optimised(anyOf(allOf(isThere(4), isOne(4)), isThere(4)))).toBe('0: load [4:1] then accept');
    });
    it('unless another load is done that reaches as far', () => {
      expect(optimised(allOf(isThere(4), isOne(9)))).toBe('0: [9:1] == 0x1 ? accept : reject');
      expect(optimised(allOf(isOne(9), isThere(4)))).toBe('0: [9:1] == 0x1 ? accept : reject');
      expect(optimised(allOf(isThere(4), isThere(9)))).toBe('0: load [9:1] then accept');
    });
  });
});
