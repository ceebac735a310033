import { BPF, type Instruction, type Program, statement } from '@bpfleet/bpf';

const LOAD_AT_X = BPF.LD | BPF.B | BPF.IND;

/**
 * Libpcap's loop for `protochain` with its step over an authentication header put right. In 1.10.3 (`gen_protochain`) that step
 * ends with X = the header's length, where it should add the length to X; so whatever stands behind AH is read from a place
 * that has nothing to do with it. The sequence is replaced by one that adds, of the same length.
 */
export function repairChain(program: Program): Program {
  const repaired = [...program];
  for (const [at, instruction] of program.entries()) {
    if (!isFaultyStep(program, at)) continue;
    const k = instruction.k;
    const keep = program[at + 1]?.k ?? 0;
    const step: Instruction[] = [
      statement(LOAD_AT_X, k + 1),
      statement(BPF.ALU | BPF.ADD | BPF.K, 2),
      statement(BPF.ALU | BPF.MUL | BPF.K, 4),
      statement(BPF.ALU | BPF.ADD | BPF.X),
      statement(BPF.MISC | BPF.TAX),
      statement(BPF.LD | BPF.MEM, keep),
      statement(BPF.LD | BPF.MEM, keep),
      statement(BPF.LD | BPF.MEM, keep),
    ];
    repaired.splice(at + 2, step.length, ...step);
  }
  return repaired;
}

/** `ldb [x+k]; st M; txa; add #1; tax; ldb [x+k]; add #2; mul #4; tax; ld M` */
function isFaultyStep(program: Program, at: number): boolean {
  const codes = [
    LOAD_AT_X,
    BPF.ST,
    BPF.MISC | BPF.TXA,
    BPF.ALU | BPF.ADD | BPF.K,
    BPF.MISC | BPF.TAX,
    LOAD_AT_X,
    BPF.ALU | BPF.ADD | BPF.K,
    BPF.ALU | BPF.MUL | BPF.K,
    BPF.MISC | BPF.TAX,
    BPF.LD | BPF.MEM,
  ];
  return codes.every((code, index) => program[at + index]?.code === code);
}
