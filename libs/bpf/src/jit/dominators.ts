import { type Block, type BlockId, successors } from './flow-graph.js';

/**
 * The immediate dominator of each block: the last block that every way to it passes. The first block's is itself,
 * unreached ones have -1. Blocks only lead onwards, so one pass in their order suffices (Cooper, Harvey and Kennedy, "A
 * Simple, Fast Dominance Algorithm").
 */
export function immediateDominators(blocks: readonly Block[]): Int32Array {
  const dominator = new Int32Array(blocks.length).fill(-1);
  dominator[0] = 0;
  const common = (first: BlockId, second: BlockId): BlockId => {
    let [one, other] = [first, second];
    while (one !== other) {
      if (one > other) one = dominator[one] as BlockId;
      else other = dominator[other] as BlockId;
    }
    return one;
  };
  for (const [id, { exit }] of blocks.entries()) {
    if (dominator[id] === -1) continue;
    for (const next of successors(exit)) {
      const known = dominator[next] as BlockId;
      dominator[next] = known === -1 ? id : common(known, id);
    }
  }
  return dominator;
}
