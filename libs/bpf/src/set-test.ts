import { checkInstructions } from './check/check.js';
import type { CheckFault } from './check/check-fault.js';
import type { Program } from './instruction.js';
import type { NumberSet } from './number-set.js';
import { BPF } from './opcodes.js';

/**
 * A conditional jump that no kernel knows: whether A is in the set of number k. Where sets are too large for trees, programs
 * for JavaScript and on their way to eBPF hold it. The code is one that classic BPF leaves free.
 */
export const SET_TEST = 0xe0;
export const JUMP_IN_SET = BPF.JMP | SET_TEST | BPF.K;

/** As `checkProgram`, of a program for machines outside the kernel: of any length, and it may ask for these sets. */
export function checkSetProgram(program: Program, sets: readonly NumberSet[]): CheckFault | undefined {
  if (sets.length === 0) return checkInstructions(program);
  // Like any other test of A with a constant.
  const isKnown = ({ code, k }: Program[number]) => code === JUMP_IN_SET && k < sets.length;
  return checkInstructions(program.map((one) => (isKnown(one) ? { ...one, code: BPF.JMP | BPF.JEQ | BPF.K } : one)));
}
