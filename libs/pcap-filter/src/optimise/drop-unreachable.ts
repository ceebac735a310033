import type { Graph, Target, Ways } from './graph.js';

/** Leaves out nodes that no way from the entry leads to, and closes the gaps. */
export function dropUnreachable<Kind extends Ways>(graph: Graph<Kind>): Graph<Kind> {
  const { nodes, entry } = graph;
  const reached = reachedFrom(entry, nodes);
  const moved = new Int32Array(nodes.length);
  let count = 0;
  for (let index = 0; index < nodes.length; index++) if (reached[index]) moved[index] = count++;
  if (count === nodes.length) return graph;
  const follow = (target: Target) => (target < 0 ? target : (moved[target] ?? 0));
  const kept = nodes.filter((_, index) => reached[index]);
  return {
    nodes: kept.map((node) => ({ ...node, yes: follow(node.yes), no: follow(node.no) })),
    entry: follow(entry),
  };
}

function reachedFrom(entry: Target, nodes: readonly Ways[]): Uint8Array {
  const reached = new Uint8Array(nodes.length);
  if (entry >= 0) reached[entry] = 1;
  for (let index = 0; index < nodes.length; index++) {
    const node = nodes[index];
    if (node === undefined || !reached[index]) continue;
    if (node.yes >= 0) reached[node.yes] = 1;
    if (node.no >= 0) reached[node.no] = 1;
  }
  return reached;
}
