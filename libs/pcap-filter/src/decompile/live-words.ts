import { BPF, type Instruction, MEMORY_WORDS, type Program } from '@bpfleet/bpf';

/** Bits of what an instruction may still read: A, X, and M[0] from bit 2 on. */
const A = 1;
const X = 2;
const wordBit = (k: number) => 4 << k;

/** Whether the registers and words of M[] are read before they are written again. */
export interface LiveWords {
  readonly a: boolean;
  readonly x: boolean;
  readonly memory: readonly boolean[];
}

/** For each instruction, what is still needed when it begins. Jumps only go forward, so one sweep from the end is enough. */
export function liveWords(program: Program): LiveWords[] {
  const live = new Uint32Array(program.length + 1);
  for (let pc = program.length - 1; pc >= 0; pc--) {
    const instruction = program[pc];
    if (instruction === undefined) continue;
    const { reads, writes } = wordsOf(instruction);
    const after = successors(instruction, pc).reduce((bits, next) => bits | (live[next] ?? 0), 0);
    live[pc] = (after & ~writes) | reads;
  }
  return Array.from(program, (_, pc) => ({
    a: ((live[pc] ?? 0) & A) !== 0,
    x: ((live[pc] ?? 0) & X) !== 0,
    memory: Array.from({ length: MEMORY_WORDS }, (__, k) => ((live[pc] ?? 0) & wordBit(k)) !== 0),
  }));
}

function successors({ code, jt, jf, k }: Instruction, pc: number): number[] {
  if ((code & 0x07) === BPF.RET) return [];
  if ((code & 0x07) !== BPF.JMP) return [pc + 1];
  return code === (BPF.JMP | BPF.JA) ? [pc + 1 + k] : [pc + 1 + jt, pc + 1 + jf];
}

function wordsOf({ code, k }: Instruction): { reads: number; writes: number } {
  const operand = code & BPF.X ? X : 0;
  const mode = code & 0xe0;
  switch (code & 0x07) {
    case BPF.LD:
      return { reads: mode === BPF.IND ? X : mode === BPF.MEM ? wordBit(k) : 0, writes: A };
    case BPF.LDX:
      return { reads: mode === BPF.MEM ? wordBit(k) : 0, writes: X };
    case BPF.ST:
      return { reads: A, writes: wordBit(k) };
    case BPF.STX:
      return { reads: X, writes: wordBit(k) };
    case BPF.ALU:
      return { reads: A | ((code & 0xf0) === BPF.NEG ? 0 : operand), writes: A };
    case BPF.JMP:
      return { reads: (code & 0xf0) === BPF.JA ? 0 : A | operand, writes: 0 };
    case BPF.RET:
      return { reads: (code & 0x18) === BPF.A ? A : 0, writes: 0 };
    default:
      return code & BPF.TXA ? { reads: X, writes: A } : { reads: A, writes: X };
  }
}
