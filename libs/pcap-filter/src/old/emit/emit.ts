import { BPF, type Program, statement } from '@bpfleet/bpf';
import { ACCEPT, type Graph, REJECT, type Target } from '../optimise/graph.js';
import { Assembly } from './assembly.js';
import { blocksOf } from './blocks.js';

export interface EmitOptions {
  readonly snaplenBytes: number;
  /** Whether a field that stands in a register is used from there; without it every test loads what it needs. */
  readonly reuseRegisters: boolean;
}

/**
 * The decision graph as a classic program: each node its loads and a conditional jump, in the graph's order, then the
 * two returns. Valid by construction for the kernel's checker except in its length.
 */
export function emit(graph: Graph, { snaplenBytes, reuseRegisters }: EmitOptions): Program {
  const returns = new Map<Target, Program>([
    [REJECT, [statement(BPF.RET | BPF.K, 0)]],
    [ACCEPT, [statement(BPF.RET | BPF.K, snaplenBytes)]],
  ]);
  const { nodes, entry } = blocksOf(graph, reuseRegisters);
  const assembly = new Assembly();
  const used = new Set([entry, ...nodes.flatMap(({ yes, no }): Target[] => [yes, no])]);
  for (const [target, instructions] of returns) {
    if (used.has(target)) assembly.place(target, instructions);
  }
  for (let index = nodes.length - 1; index >= 0; index--) {
    const block = nodes[index];
    if (block === undefined) continue;
    const { yes, no, loads, condition } = block;
    assembly.branch(yes, no, (jt, jf) => ({ ...condition, jt, jf }));
    assembly.place(index, loads);
  }
  return assembly.finish();
}
