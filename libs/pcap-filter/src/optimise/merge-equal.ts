import { type Graph, isLoadOnly, type Node, type Target, type Ways } from './graph.js';

/** Lets nodes that ask the same and go on alike be one: `src port 80` over TCP and over UDP ends alike. */
export function mergeEqual(graph: Graph): Graph {
  return mergeBy(graph, questionOf);
}

/** Where both ways of a test are one, only the load counts; but a question may go, and a load that stands for itself stays. */
function questionOf({ step, yes, no }: Node): string {
  return step.kind === 'test' && yes === no && !isLoadOnly(step) ? `v${step.value.id}` : `${step.id}`;
}

/**
 * Merges nodes of one key whose ways are the same.
 * One sweep from the end is enough, since a node's successors were merged before it; the last of equal nodes stays,
 * so that edges still lead forward. The others lose their predecessors; `dropUnreachable` runs next.
 */
export function mergeBy<Kind extends Ways>(graph: Graph<Kind>, keyOf: (node: Kind) => string): Graph<Kind> {
  const { nodes, entry } = graph;
  const merged: Kind[] = new Array(nodes.length);
  const same = new Map<Target, Target>();
  const seen = new Map<string, Target>();
  const follow = (target: Target) => same.get(target) ?? target;
  for (let index = nodes.length - 1; index >= 0; index--) {
    const before = nodes[index];
    if (before === undefined) continue;
    const yes = follow(before.yes);
    const no = follow(before.no);
    const node = yes === before.yes && no === before.no ? before : { ...before, yes, no };
    merged[index] = node;
    const key = `${keyOf(node)} ${yes} ${no}`;
    const twin = seen.get(key);
    if (twin === undefined) seen.set(key, index);
    else same.set(index, twin);
  }
  return same.size === 0 ? graph : { nodes: merged, entry: follow(entry) };
}
