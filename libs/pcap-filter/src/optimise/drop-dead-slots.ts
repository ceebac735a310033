import type { Graph, Node, StepTable, Target } from './graph.js';
import { hasSlot, noSlots, type SlotSet, unite } from './slot-set.js';

/**
 * Takes out assignments that nobody reads before the next one: what they load stays, as it may be outside the packet.
 * One sweep from the end, since a node's successors stand behind it.
 */
export function dropDeadSlots(graph: Graph, table: StepTable): Graph {
  return usesSlots(graph) ? withoutDeadSlots(graph, table) : graph;
}

export function usesSlots({ nodes }: Graph): boolean {
  return nodes.some(({ step }) => step.kind === 'assign' || step.slots.length > 0);
}

function withoutDeadSlots({ nodes, entry }: Graph, table: StepTable): Graph {
  const live = liveSlots(nodes);
  const kept = nodes.map((node): Node => {
    const { step, yes } = node;
    if (step.kind !== 'assign' || (yes >= 0 && hasSlot(live(yes), step.slot))) return node;
    return { step: table.loadOf(step.value), yes, no: yes };
  });
  return { nodes: kept, entry };
}

/** By node: the slots that may be read from there on. */
export function liveSlots(nodes: readonly Node[]): (target: Target) => SlotSet {
  const live: SlotSet[] = new Array(nodes.length);
  const at = (target: Target) => (target < 0 ? noSlots : (live[target] ?? noSlots));
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index];
    if (node === undefined) continue;
    const { step } = node;
    live[index] = unite(at(node.yes), at(node.no), step.kind === 'assign' ? step.slot : undefined, step.slots);
  }
  return at;
}
