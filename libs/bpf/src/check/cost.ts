import type { Program } from '../instruction.js';
import { convertedLengthOf, prologueLength } from './conversion.js';

/**
 * How many eBPF instructions the kernel makes of a program that its checker takes. It, not the program's length, is what
 * `net.core.optmem_max` limits: 8 bytes each and a header.
 */
export function convertedLength(program: Program): number {
  return program.reduce((length, instruction) => length + convertedLengthOf(instruction), prologueLength(program));
}
