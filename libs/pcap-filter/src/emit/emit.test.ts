import { checkProgram, formatProgram, interpret } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyIr, anyIrOfFewFields, anyPacketBytes } from '../../../../tests/conformance/ir/any-ir.js';
import { accepts } from '../../../../tests/conformance/ir/run-graph.js';
import { whole } from '../../../../tests/conformance/packets/packets.js';
import { buildGraph } from '../optimise/graph.js';
import { optimise } from '../optimise/optimise.js';
import { LEAF_RANGES } from './condition-tree.js';
import { emit } from './emit.js';

const packets = fc.array(anyPacketBytes, { minLength: 4, maxLength: 4 });

describe('emit', () => {
  it.each([
    ['plain', false, false],
    ['plain graph, values kept in registers', false, true],
    ['optimised', true, true],
  ])(
    'writes a valid program with the graph’s verdict on packets of every length: %s',
    (_, optimises, reuseRegisters) => {
      const property = fc.property(fc.oneof(anyIr, anyIrOfFewFields), packets, (ir, list) => {
        const { graph: built, steps } = buildGraph(ir);
        const graph = optimises ? optimise(built, steps) : built;
        const program = emitted(() =>
          emit(graph, steps, { snaplenBytes: 1, reuseRegisters, leafRanges: LEAF_RANGES.fast }),
        );
        if (program === undefined) return;
        // Constants that `resolve` lets nobody write.
        const { rule } = checkProgram(program) ?? {};
        if (rule === 'division-by-zero' || rule === 'shift-too-far') return;
        expect([undefined, 'program-length']).toContain(rule);
        for (const bytes of list) {
          const verdict = interpret(program, whole(bytes)) !== 0;
          if (verdict !== accepts(graph, whole(bytes)))
            expect([verdict, [...bytes], formatProgram(program, 'd')]).toEqual([]);
        }
      });
      fc.assert(property, { numRuns: 10_000 });
    },
  );
});

/** Undefined where it needs more words than M[] has. */
function emitted<Program>(work: () => Program): Program | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof BpfleetError && error.code === 'FILTER_TOO_LARGE') return undefined;
    throw error;
  }
}
