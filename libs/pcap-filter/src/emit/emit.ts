import { BPF, type Program, statement } from '@bpfleet/bpf';
import { ACCEPT, type Graph, REJECT, type StepTable, type Target } from '../optimise/graph.js';
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
  const returns = new Map<Target, Program>([
    [REJECT, [statement(BPF.RET | BPF.K, 0)]],
    [ACCEPT, [statement(BPF.RET | BPF.K, snaplenBytes)]],
  ]);
  const placed = placeSlots(graph, table);
  const options = { reuse: reuseRegisters, words: placed.words, leafRanges, setOf };
  const { nodes, entry } = blocksOf(placed.graph, table, options);
  const assembly = new Assembly();
  const used = new Set([entry, ...nodes.flatMap(({ yes, no }): Target[] => [yes, no])]);
  for (const [target, instructions] of returns) {
    if (used.has(target)) assembly.place(target, instructions);
  }
  for (let index = nodes.length - 1; index >= 0; index--) {
    const block = nodes[index];
    if (block === undefined) continue;
    const { yes, no, instructions, condition } = block;
    assembly.branch(yes, no, (jt, jf) => ({ ...(condition ?? NOTHING), jt, jf }));
    assembly.place(index, instructions);
  }
  // Where the first step is none, the program begins further on.
  assembly.branch(entry, entry, () => NOTHING);
  return assembly.finish();
}

/** Never written: a block without a condition has one way on. */
const NOTHING = statement(BPF.JMP | BPF.JA, 0);
