import type { Program } from '../instruction.js';
import { BPF } from '../opcodes.js';
import { convertedLengthOf, GREATEST_PROLOGUE, prologueLength } from './conversion.js';

/**
 * How many eBPF instructions the kernel makes of a program that its checker takes. It, not the program's length, is what
 * `net.core.optmem_max` limits: 8 bytes each and a header.
 */
export function convertedLength(program: Program): number {
  return program.reduce((length, instruction) => length + convertedLengthOf(instruction), prologueLength(program));
}

/** `bpf_convert_filter` makes no more of any load, and no more of anything else. */
const MOST = { load: 21, other: 5 } as const;

/** What `convertedLength` does not exceed: for a comparison that is mostly decided without the exact number. */
export function greatestConvertedLength(program: Program): number {
  let length = GREATEST_PROLOGUE;
  for (const { code } of program) length += (code & 0x07) <= BPF.LDX ? MOST.load : MOST.other;
  return length;
}
