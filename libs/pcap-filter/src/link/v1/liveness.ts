import { Ancillary, BPF, type Instruction, isAncillary, type Program, SKF_AD_OFF } from '@bpfleet/bpf';

/** Whether the values that A and X have in front of an instruction are read by it or behind it. */
export interface Live {
  readonly a: boolean;
  readonly x: boolean;
}

const DEAD: Live = { a: false, x: false };

/** For each instruction of a checked program; for the place behind its last one nothing is read. */
export function liveRegisters(program: Program): Live[] {
  const live: Live[] = new Array<Live>(program.length + 1).fill(DEAD);
  for (let pc = program.length - 1; pc >= 0; pc--) {
    const instruction = program[pc] as Instruction;
    const after = successors(instruction, pc).map((next) => live[next] as Live);
    const reads = readsOf(instruction);
    const writes = writesOf(instruction);
    live[pc] = {
      a: reads.a || (writes !== 'a' && after.some(({ a }) => a)),
      x: reads.x || (writes !== 'x' && after.some(({ x }) => x)),
    };
  }
  return live;
}

function successors({ code, jt, jf, k }: Instruction, pc: number): number[] {
  const kind = code & 0x07;
  if (kind === BPF.RET) return [];
  if (kind !== BPF.JMP) return [pc + 1];
  return code === (BPF.JMP | BPF.JA) ? [pc + 1 + k] : [pc + 1 + jt, pc + 1 + jf];
}

function readsOf({ code, k }: Instruction): Live {
  switch (code & 0x07) {
    case BPF.LD:
      if ((code & 0xe0) === BPF.IND) return { a: false, x: true };
      return (code & 0xe0) === BPF.ABS && readsRegisters(k) ? { a: true, x: true } : DEAD;
    case BPF.LDX:
      return DEAD;
    case BPF.STX:
      return { a: false, x: true };
    case BPF.ST:
      return { a: true, x: false };
    case BPF.RET:
      return { a: (code & BPF.A) !== 0, x: false };
    case BPF.MISC:
      return code & BPF.TXA ? { a: false, x: true } : { a: true, x: false };
    case BPF.JMP:
      return code === (BPF.JMP | BPF.JA) ? DEAD : { a: true, x: (code & BPF.X) !== 0 };
    default:
      return { a: true, x: (code & BPF.X) !== 0 };
  }
}

/** Metadata that is a function of A and X. */
function readsRegisters(k: number): boolean {
  return isAncillary(k) && READERS.has(k - SKF_AD_OFF);
}
const READERS: ReadonlySet<number> = new Set([Ancillary.ALU_XOR_X, Ancillary.NLATTR, Ancillary.NLATTR_NEST]);

function writesOf({ code }: Instruction): 'a' | 'x' | undefined {
  switch (code & 0x07) {
    case BPF.LD:
    case BPF.ALU:
      return 'a';
    case BPF.LDX:
      return 'x';
    case BPF.MISC:
      return code & BPF.TXA ? 'a' : 'x';
    default:
      return undefined;
  }
}
