import type { Graph, Node, Target } from './graph.js';

/** Leaves out nodes that no way from the entry leads to, and closes the gaps. */
export function dropUnreachable({ nodes, entry }: Graph): Graph {
  const reached = new Uint8Array(nodes.length);
  const reach = (target: Target) => {
    if (target >= 0) reached[target] = 1;
  };
  reach(entry);
  for (const [index, { yes, no }] of nodes.entries()) {
    if (reached[index]) [yes, no].forEach(reach);
  }
  const moved = new Map<Target, Target>();
  const kept: Node[] = [];
  for (const [index, node] of nodes.entries()) {
    if (reached[index]) moved.set(index, kept.push(node) - 1);
  }
  const follow = (target: Target) => moved.get(target) ?? target;
  return {
    nodes: kept.map(({ test, yes, no }) => ({ test, yes: follow(yes), no: follow(no) })),
    entry: follow(entry),
  };
}
