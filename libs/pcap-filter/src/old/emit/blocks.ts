import { BPF, formatInstruction, type Instruction, jump } from '@bpfleet/bpf';
import type { Comparison } from '../lower/ir.js';
import { dropUnreachable } from '../optimise/drop-unreachable.js';
import type { Graph, Ways } from '../optimise/graph.js';
import { mergeBy } from '../optimise/merge-equal.js';
import { loadsOf } from './registers.js';

/** A node as code: what it loads, and the conditional jump, whose distances come last. */
export interface Block extends Ways {
  readonly loads: readonly Instruction[];
  readonly condition: Instruction;
}

const CODES: Readonly<Record<Comparison, number>> = { eq: BPF.JEQ, gt: BPF.JGT, ge: BPF.JGE, set: BPF.JSET };

/** The graph as code. With `reuse`, registers that hold a field already are used, and equal code stands once. */
export function blocksOf(graph: Graph, reuse: boolean): Graph<Block> {
  const loads = loadsOf(graph, reuse);
  const nodes = graph.nodes.map(
    ({ test, yes, no }, index): Block => ({
      loads: loads[index] ?? [],
      condition: jump(BPF.JMP | CODES[test.comparison] | BPF.K, test.operand, 0, 0),
      yes,
      no,
    }),
  );
  const blocks = { nodes, entry: graph.entry };
  return reuse ? dropUnreachable(mergeBy(blocks, codeOf)) : blocks;
}

/**
 * Blocks of the same code are one whatever A holds when they begin: of `dst port 53 or 80` the comparisons are the same
 * for IPv4 and IPv6, once the port is loaded.
 */
function codeOf({ loads, condition, yes, no }: Block): string {
  const instructions = yes === no ? loads : [...loads, condition];
  return instructions.map((instruction) => formatInstruction(instruction, 0)).join(';');
}
