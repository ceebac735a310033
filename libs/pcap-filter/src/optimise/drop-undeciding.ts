import { type Graph, isLoadOnly, type Node, type Target } from './graph.js';
import type { Step } from './step.js';

/**
 * Takes out questions whose answer decides nothing: of `tcp dst port 80 or ip` only `ip` is left. Their loads go with
 * them, as in libpcap's optimiser, so a packet that is too short for what decides nothing is judged by what does.
 * What stands for itself stays: loads of a question that was decided or of an assignment nobody reads, and a division, which
 * ends the program on packets of any length.
 * One sweep from the end: where a question goes, those in front of it may decide nothing any more.
 */
export function dropUndeciding(graph: Graph): Graph {
  const { nodes, entry } = graph;
  const gone = new Map<Target, Target>();
  const follow = (target: Target) => gone.get(target) ?? target;
  const kept: Node[] = new Array(nodes.length);
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index];
    if (node === undefined) continue;
    const yes = follow(node.yes);
    const no = follow(node.no);
    if (yes === no && decidesNothing(node.step)) gone.set(index, yes);
    kept[index] = { step: node.step, yes, no };
  }
  return gone.size === 0 ? graph : { nodes: kept, entry: follow(entry) };
}

function decidesNothing(step: Step): boolean {
  return step.kind !== 'assign' && !isLoadOnly(step) && step.loads.every(({ value }) => value.kind === 'load');
}
