import fc from 'fast-check';
import { expect } from 'vitest';
import { dropDeadSlots } from '../../../libs/pcap-filter/src/optimise/drop-dead-slots.js';
import { dropUndeciding } from '../../../libs/pcap-filter/src/optimise/drop-undeciding.js';
import { dropUnreachable } from '../../../libs/pcap-filter/src/optimise/drop-unreachable.js';
import { buildGraph, type Graph, type StepTable } from '../../../libs/pcap-filter/src/optimise/graph.js';
import { mergeEqual } from '../../../libs/pcap-filter/src/optimise/merge-equal.js';
import { skipDecided } from '../../../libs/pcap-filter/src/optimise/skip-decided.js';
import { whole } from '../packets/packets.js';
import { anyIr, anyPacketBytes } from './any-ir.js';
import { answersWithoutMissing, runOf } from './run-graph.js';

export type Pass = (graph: Graph, table: StepTable) => Graph;

const passes: Readonly<Record<string, Pass>> = {
  skipDecided,
  skipKeeping: (graph, table) => skipDecided(graph, table, { keepsStanding: true }),
  dropDeadSlots,
  dropUndeciding,
  dropUnreachable,
  mergeEqual,
};
/** What stands before a pass: as it was built, or as others left it. */
const earlier = fc.array(fc.constantFrom(...Object.keys(passes)), { maxLength: 3 });
const packets = fc
  .array(anyPacketBytes, { minLength: 4, maxLength: 4 })
  .map((list) => list.map((bytes) => whole(bytes)));

/** The pass keeps verdicts of packets of every length. */
export function expectEveryVerdictKept(pass: Pass): void {
  expectRuns(pass, (before, after) => expect(after).toBe(before));
}

/**
 * The pass keeps verdicts where no load is outside the packet; where one is, it may accept if what is missing decides
 * nothing of this packet.
 */
export function expectDecidedVerdictsKept(pass: Pass): void {
  expectRuns(pass, (before, after, why, rest) => {
    if (after !== before) expect([why, [...rest()]]).toEqual(['outside', [after]]);
  });
}

type Compare = (before: boolean, after: boolean, why: ReturnType<typeof runOf>, rest: () => Set<boolean>) => void;

/** fast-check prints the seed of what fails, and shrinks it. */
function expectRuns(pass: Pass, compare: Compare): void {
  const property = fc.property(anyIr, earlier, packets, (ir, names, list) => {
    const { graph: built, steps } = buildGraph(ir);
    const graph = names.reduce((current, name) => passes[name]?.(current, steps) ?? current, built);
    const after = pass(graph, steps);
    expectWellFormed(after);
    expect(after.nodes.length).toBeLessThanOrEqual(graph.nodes.length);
    for (const packet of list) {
      const why = runOf(graph, packet);
      compare(why === 'accepts', runOf(after, packet) === 'accepts', why, () => answersWithoutMissing(graph, packet));
    }
  });
  fc.assert(property, { numRuns: 1500 });
}

/** Every edge leads forward, to a node that is there, or to a verdict. */
export function expectWellFormed({ nodes, entry }: Graph): void {
  const isTarget = (target: number, from: number) =>
    target === -1 || target === -2 || (target > from && target < nodes.length);
  expect(isTarget(entry, -1)).toBe(true);
  for (const [index, { yes, no }] of nodes.entries()) expect(isTarget(yes, index) && isTarget(no, index)).toBe(true);
}
