import { ALL_BITS } from '../lower/ir.js';
import type { Node, NumberedTest, Target } from './graph.js';

/** A list of `field == value` tests: the node of each value, and where it leads when none of them holds. */
export interface ValueList {
  readonly fieldId: number;
  /** Its first node. */
  head: Target;
  readonly byValue: Map<number, Target>;
  readonly otherwise: Target;
}

/**
 * Finds the lists in which tests of one field for one value each follow each other by their "no", so that with a known
 * value nobody walks them: a list of n addresses would otherwise be walked n times.
 * By node index; nodes that are no such test have none.
 */
export function valueListsOf(nodes: readonly Node[]): readonly (ValueList | undefined)[] {
  const lists: (ValueList | undefined)[] = new Array(nodes.length);
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index];
    if (node === undefined || !asksForValue(node.test)) continue;
    const { fieldId, operand } = node.test;
    const following = lists[node.no];
    // A list has one head and one node for each value; a second one begins a list of its own, which leads into this.
    const goesOn = following?.head === node.no && following.fieldId === fieldId && !following.byValue.has(operand);
    const list = goesOn ? following : { fieldId, head: index, byValue: new Map(), otherwise: node.no };
    list.head = index;
    list.byValue.set(operand, index);
    lists[index] = list;
  }
  return lists;
}

function asksForValue({ comparison, mask }: NumberedTest): boolean {
  return comparison === 'eq' && mask === ALL_BITS;
}

/** Where a field of known value leads from the list's node at `index`: past its own test, or past all that are left. */
export function leadByValue(
  { byValue, otherwise }: ValueList,
  nodes: readonly Node[],
  index: Target,
  value: number,
): Target {
  const own = byValue.get(value);
  return own !== undefined && own >= index ? (nodes[own]?.yes ?? otherwise) : otherwise;
}
