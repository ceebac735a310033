import { fieldKey } from '../lower/ir.js';
import { type Graph, type Node, type Target, testKey } from './graph.js';

/**
 * Lets nodes that ask the same and go on alike be one: `src port 80` over TCP and over UDP end alike.
 * One sweep from the end is enough, since a node's successors were merged before it; the last of equal nodes stays,
 * so that edges still lead forward. The others lose their predecessors; `dropUnreachable` runs next.
 */
export function mergeEqual({ nodes, entry }: Graph): Graph {
  const merged: Node[] = new Array(nodes.length);
  const same = new Map<Target, Target>();
  const seen = new Map<string, Target>();
  const follow = (target: Target) => same.get(target) ?? target;
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index];
    if (node === undefined) continue;
    const yes = follow(node.yes);
    const no = follow(node.no);
    merged[index] = { test: node.test, yes, no };
    // Where both ways are one, only the load counts.
    const key = yes === no ? `${fieldKey(node.test.field)}=${yes}` : `${testKey(node.test)}?${yes}:${no}`;
    const twin = seen.get(key);
    if (twin === undefined) seen.set(key, index);
    else same.set(index, twin);
  }
  return { nodes: merged, entry: follow(entry) };
}
