import type { Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { programOf } from '../report-error.js';

/** A classic program's text, in any form. @throws BpfleetError `PROGRAM_INVALID`, RefusedText */
export async function classicProgram(text: string): Promise<Program> {
  if (isEbpf(text)) {
    throw new BpfleetError('PROGRAM_INVALID', 'this is a program of eBPF; a classic one is expected here', {
      hint: 'bpfleet disassemble --target ebpf prints it; what judges it is the verifier of the kernel that loads it',
    });
  }
  const { readProgram } = await import('@bpfleet/bpf');
  return programOf(text, readProgram);
}

/** The first instruction of a listing as the kernel's verifier writes it, behind its number and notes on maps. */
const EBPF_LINE = /^(?:\s*;.*\n)*\s*(?:\d+:\s*)?(?:[rw]\d+\s*\S?\S?=|if [rw]\d|\*\(u\d|lock |goto pc|call \w|exit\b)/;
/** Five numbers where a classic program has four: [code, dst, src, off, imm]. */
const EBPF_ROW = /^\s*(?:\{[^[]*)?\[\s*\[(?:[^,\]]*,){4}[^,\]]*\]/;

function isEbpf(text: string): boolean {
  return EBPF_LINE.test(text) || EBPF_ROW.test(text);
}
