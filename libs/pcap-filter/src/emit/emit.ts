import { BPF, type Program, statement } from '@bpfleet/bpf';
import { ACCEPT, type Graph, REJECT, type StepTable, type Target, type Ways } from '../optimise/graph.js';
import { Assembly } from './assembly.js';
import { type BlockOptions, blocksOf } from './blocks.js';
import { placeSlots } from './slot-words.js';

export interface EmitOptions {
  readonly snaplenBytes: number;
  /** Whether a value that stands in a register is used from there; without it every step loads what it needs. */
  readonly reuseRegisters: boolean;
  /** See `LEAF_RANGES`. */
  readonly leafRanges: number;
  /** Which sets the target looks up at once instead of by comparisons: `JUMP_IN_SET`. Default: none. */
  readonly setOf?: BlockOptions['setOf'];
}

/**
 * The decision graph as a classic program: each node its loads and its comparisons, in the graph's order, then the two
 * returns. Valid by construction for the kernel's checker except in its length.
 */
export function emit(
  graph: Graph,
  table: StepTable,
  { snaplenBytes, reuseRegisters, leafRanges, setOf }: EmitOptions,
): Program {
  const placed = placeSlots(graph, table);
  const blocks = blocksOf(placed.graph, table, { reuse: reuseRegisters, words: placed.words, leafRanges, setOf });
  const { nodes, entry } = blocks;
  const assembly = new Assembly();
  if (leadsTo(REJECT, blocks)) assembly.place(REJECT, RETURN_NOTHING);
  if (leadsTo(ACCEPT, blocks)) assembly.place(ACCEPT, [statement(BPF.RET | BPF.K, snaplenBytes)]);
  for (let index = nodes.length - 1; index >= 0; index--) {
    const block = nodes[index];
    if (block === undefined) continue;
    const { yes, no, instructions, condition } = block;
    if (condition === undefined) assembly.goOn(yes);
    else assembly.branch(yes, no, condition);
    assembly.place(index, instructions);
  }
  // Where the first step is none, the program begins further on.
  assembly.goOn(entry);
  return assembly.finish();
}

const RETURN_NOTHING: Program = [statement(BPF.RET | BPF.K, 0)];

function leadsTo(target: Target, { nodes, entry }: Graph<Ways>): boolean {
  return entry === target || nodes.some(({ yes, no }) => yes === target || no === target);
}
