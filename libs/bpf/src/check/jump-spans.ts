import type { Program } from '../instruction.js';
import { BPF } from '../opcodes.js';
import type { CheckFault } from './check-fault.js';
import { convertedJumps, convertedLengthOf } from './conversion.js';

/** `S16_MAX`: a jump of eBPF skips no more instructions. */
const LONGEST = 32_767;

/**
 * The one reason for which the conversion to eBPF refuses a program that the checker took: a jump whose span, counted in
 * converted instructions, has no room in 16 bits (`BPF_EMIT_JMP` in `bpf_convert_filter`).
 * Takes a program whose jumps were found valid.
 */
export function checkJumpSpans(program: Program): CheckFault | undefined {
  const places = new Float64Array(program.length + 1);
  for (const [pc, instruction] of program.entries()) {
    places[pc + 1] = (places[pc] as number) + convertedLengthOf(instruction);
  }
  if ((places[program.length] as number) <= LONGEST) return undefined;
  for (const [pc, instruction] of program.entries()) {
    if ((instruction.code & 0x07) !== BPF.JMP) continue;
    const isGo = instruction.code === (BPF.JMP | BPF.JA);
    for (const { skip, before } of isGo ? [{ skip: instruction.k, before: 0 }] : convertedJumps(instruction)) {
      const span = (places[pc + 1 + skip] as number) - (places[pc] as number) - before - 1;
      if (span <= LONGEST) continue;
      const message = `the jump spans ${span} instructions once converted to eBPF; the kernel has room for ${LONGEST}`;
      return { rule: 'jump-too-long', instruction: pc, message };
    }
  }
  return undefined;
}
