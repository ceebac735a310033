import type { Program } from '../instruction.js';
import { BPF } from '../opcodes.js';

/** What `bpf_convert_filter` puts in front of every program. */
const PROLOGUE = 7;

/**
 * About how many eBPF instructions the kernel makes of a program (measured on 6.18). It, not the program's length,
 * is what `net.core.optmem_max` limits: 8 bytes each and a header.
 */
export function convertedLength(program: Program): number {
  let length = PROLOGUE;
  for (const { code, jt, jf, k } of program) {
    switch (code & 0x07) {
      case BPF.LD:
      case BPF.LDX:
        length += loadLength(code, k);
        break;
      case BPF.JMP:
        length += code === (BPF.JMP | BPF.JA) ? 1 : branchLength(code, jt, jf, k);
        break;
      case BPF.RET:
        length += 2;
        break;
      default:
        length += 1;
    }
  }
  return length;
}

function loadLength(code: number, k: number): number {
  const offset = k === 0 ? 0 : 1;
  switch (code & 0xe0) {
    case BPF.ABS:
      return ((code & 0x18) === BPF.B ? 12 : 13) + offset;
    case BPF.IND:
      return 8 + offset;
    case BPF.MSH:
      return 18 + offset;
    default:
      return 1;
  }
}

function branchLength(code: number, jt: number, jf: number, k: number): number {
  const both = jt !== 0 && jf !== 0 ? 2 : 1;
  // A constant with the top bit set would be sign-extended, so it goes through a register.
  return both + (!(code & BPF.X) && k >= 0x8000_0000 ? 1 : 0);
}
