import { BPF, type Instruction, jump, type Program, statement } from '@bpfleet/bpf';
import type { Comparison } from '../lower/ir.js';
import { ACCEPT, type Graph, type Node, REJECT, type Target } from '../optimise/graph.js';
import { Assembly } from './assembly.js';
import { loadsOf } from './registers.js';

export interface EmitOptions {
  readonly snaplenBytes: number;
  /** Whether fields that stand in a register are loaded again. */
  readonly reuseRegisters: boolean;
}

const CODES: Readonly<Record<Comparison, number>> = { eq: BPF.JEQ, gt: BPF.JGT, ge: BPF.JGE, set: BPF.JSET };

/**
 * The decision graph as a classic program: each node its loads and a conditional jump, in the graph's order, then the
 * two returns. Valid by construction for the kernel's checker except in its length.
 */
export function emit(graph: Graph, { snaplenBytes, reuseRegisters }: EmitOptions): Program {
  const { nodes, entry } = graph;
  if (entry === ACCEPT) return [statement(BPF.RET | BPF.K, snaplenBytes)];
  if (entry === REJECT) return [statement(BPF.RET | BPF.K, 0)];
  const loads = loadsOf(graph, reuseRegisters);
  const assembly = new Assembly();
  const used = new Set(nodes.flatMap(({ yes, no }): Target[] => [yes, no]));
  if (used.has(REJECT)) assembly.place(REJECT, [statement(BPF.RET | BPF.K, 0)]);
  if (used.has(ACCEPT)) assembly.place(ACCEPT, [statement(BPF.RET | BPF.K, snaplenBytes)]);
  for (let index = nodes.length - 1; index >= 0; index--) {
    const node = nodes[index];
    if (node === undefined) continue;
    assembly.branch(node.yes, node.no, (jt, jf) => conditional(node, jt, jf));
    assembly.place(index, loads[index] ?? []);
  }
  return assembly.finish();
}

function conditional({ test }: Node, jt: number, jf: number): Instruction {
  return jump(BPF.JMP | CODES[test.comparison] | BPF.K, test.operand, jt, jf);
}
