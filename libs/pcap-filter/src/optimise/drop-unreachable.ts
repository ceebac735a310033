import type { Graph, Target, Ways } from './graph.js';

/** Leaves out nodes that no way from the entry leads to, and closes the gaps. */
export function dropUnreachable<Kind extends Ways>({ nodes, entry }: Graph<Kind>): Graph<Kind> {
  const reached = new Uint8Array(nodes.length);
  const reach = (target: Target) => {
    if (target >= 0) reached[target] = 1;
  };
  reach(entry);
  for (const [index, { yes, no }] of nodes.entries()) {
    if (reached[index]) [yes, no].forEach(reach);
  }
  const moved = new Map<Target, Target>();
  const kept: Kind[] = [];
  for (const [index, node] of nodes.entries()) {
    if (reached[index]) moved.set(index, kept.push(node) - 1);
  }
  const follow = (target: Target) => moved.get(target) ?? target;
  return {
    nodes: kept.map((node) => ({ ...node, yes: follow(node.yes), no: follow(node.no) })),
    entry: follow(entry),
  };
}
