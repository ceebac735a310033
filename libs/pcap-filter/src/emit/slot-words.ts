import { liveSlots, usesSlots } from '../optimise/drop-dead-slots.js';
import type { Graph, Node, StepTable } from '../optimise/graph.js';
import { type SlotSet, slotsIn } from '../optimise/slot-set.js';
import { checkMemory } from './memory.js';
import type { Words } from './registers.js';

/**
 * Gives each slot a word of M[]; slots that are never needed at the same time share one. A slot that is read before it
 * is assigned is set to 0 first: the kernel's checker refuses programs that read a word on a way without a store.
 * @throws BpfleetError `FILTER_TOO_LARGE` where more slots are needed at the same time than M[] has words
 */
export function placeSlots(graph: Graph, table: StepTable): { graph: Graph; words: Words } {
  return usesSlots(graph) ? placeUsedSlots(graph, table) : { graph, words: NO_WORDS };
}

const NO_WORDS: Words = { wordOfSlot: () => 0, firstFree: 0 };

function placeUsedSlots(graph: Graph, table: StepTable): ReturnType<typeof placeSlots> {
  const live = liveSlots(graph.nodes);
  const unset = slotsIn(live(graph.entry));
  const zero = table.values.number({ kind: 'constant', value: 0 });
  const first: Node[] = unset.map((slot, index) => ({ step: table.assign(slot, zero), yes: index + 1, no: index + 1 }));
  const by = first.length;
  const moved = (target: number) => (target < 0 ? target : target + by);
  const nodes = [
    ...first.map((node, index) =>
      index === by - 1 ? { ...node, yes: moved(graph.entry), no: moved(graph.entry) } : node,
    ),
    ...graph.nodes.map((node) => ({ ...node, yes: moved(node.yes), no: moved(node.no) })),
  ];
  const placed = { nodes, entry: by > 0 ? 0 : graph.entry };
  return { graph: placed, words: wordsFor(placed) };
}

function wordsFor({ nodes }: Graph): Words {
  const together = new Map<number, Set<number>>();
  const meet = (one: number, others: Iterable<number>) => {
    const known = together.get(one) ?? new Set();
    for (const other of others) {
      if (other === one) continue;
      known.add(other);
      together.set(other, (together.get(other) ?? new Set()).add(one));
    }
    together.set(one, known);
  };
  const live = liveSlots(nodes);
  for (const { step, yes } of nodes) {
    if (step.kind === 'assign') meet(step.slot, neededTogether(live(yes)));
    for (const slot of step.slots) meet(slot, step.slots);
  }
  const words = new Map<number, number>();
  for (const [slot, others] of [...together].sort(([a], [b]) => a - b)) {
    const taken = new Set([...others].map((other) => words.get(other)));
    let word = 0;
    while (taken.has(word)) word++;
    words.set(slot, word);
  }
  const firstFree = Math.max(0, ...[...words.values()].map((word) => word + 1));
  return { wordOfSlot: (slot) => words.get(slot) ?? 0, firstFree };
}

/** Each of them needs a word of its own. */
function neededTogether(live: SlotSet): readonly number[] {
  const slots = slotsIn(live);
  checkMemory(slots.length);
  return slots;
}
