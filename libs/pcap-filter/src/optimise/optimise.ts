import { MAX_INSTRUCTIONS } from '@bpfleet/bpf';
import { dropDeadSlots } from './drop-dead-slots.js';
import { dropUndeciding } from './drop-undeciding.js';
import { dropUnreachable } from './drop-unreachable.js';
import { type Graph, isLoadOnly, type StepTable } from './graph.js';
import { mergeEqual } from './merge-equal.js';
import { skipDecided } from './skip-decided.js';

/** Nearly all filters are done after two; every round works for the next one. */
const MAX_ROUNDS = 6;
/** A graph still so large after a round will not fit into a program; further rounds would only take time. */
const HOPELESS_NODES = 3 * MAX_INSTRUCTIONS;
/** For the first round; each further one may take a quarter of it. Only hostile expressions come near. */
const MAX_STEPS = 400_000;

/**
 * Runs the passes until none finds anything more. Each takes and returns a graph of no more nodes, with the same verdict
 * for every packet that has the bytes which decide.
 * Loads that stand for themselves are left to others' only when no question goes any more.
 */
export function optimise(graph: Graph, table: StepTable): Graph {
  const decided = untilSettled(graph, (current, maxSteps) => {
    const skipped = skipDecided(current, table, { maxSteps, keepsStanding: true });
    return dropUndeciding(dropDeadSlots(dropUnreachable(skipped), table));
  });
  if (!decided.nodes.some(({ step }) => isLoadOnly(step))) return decided;
  return untilSettled(decided, (current, maxSteps) =>
    dropDeadSlots(dropUnreachable(skipDecided(current, table, { maxSteps })), table),
  );
}

function untilSettled(graph: Graph, passes: (current: Graph, maxSteps: number) => Graph): Graph {
  let current = graph;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const next = dropUnreachable(mergeEqual(passes(current, MAX_STEPS >> (2 * round))));
    if (isSame(next, current)) break;
    current = next;
    if (current.nodes.length > HOPELESS_NODES) break;
  }
  return current;
}

function isSame(a: Graph, b: Graph): boolean {
  if (a === b) return true;
  if (a.entry !== b.entry || a.nodes.length !== b.nodes.length) return false;
  return a.nodes.every((node, index) => {
    const other = b.nodes[index];
    return node.yes === other?.yes && node.no === other.no && node.step === other.step;
  });
}
