import { BPF, type Instruction, type Program } from '@bpfleet/bpf';
import type { Note } from './finding.js';

/** What a question found: the bytes of this load are this number. */
export interface Found {
  readonly load: Instruction;
  readonly value: number;
}

/** What was found to be one number is asked about again. */
export function lintFound(
  { code, k }: Instruction,
  pc: number,
  { found, whole }: { readonly found: Found | undefined; readonly whole: Instruction | undefined },
  note: Note,
): void {
  if (found === undefined || !isSameLoad(found.load, whole)) return;
  const { value } = found;
  const operation = code & 0xf0;
  const holds =
    operation === BPF.JEQ
      ? value === k
      : operation === BPF.JGT
        ? value > k
        : operation === BPF.JGE
          ? value >= k
          : (value & k) !== 0;
  const message = `the bytes at ${found.load.k} are ${value} on every way to this question, so it ${holds ? 'always' : 'never'} holds`;
  note('DECIDED_BEFORE', pc, message, holds ? 'leave the question out' : 'join alternatives by jf, not by jt');
}

/** A byte is never 256, and never less than 0. */
export function lintRange({ code, k }: Instruction, pc: number, program: Program, note: Note): void {
  const before = program[pc - 1];
  if (before === undefined || (before.code & 0x07) !== BPF.LD) return;
  const mode = before.code & 0xe0;
  if (mode !== BPF.ABS && mode !== BPF.IND) return;
  const largest = (before.code & 0x18) === BPF.B ? 0xff : (before.code & 0x18) === BPF.H ? 0xffff : 0xffff_ffff;
  const operation = code & 0xf0;
  if (operation === BPF.JGE && k === 0) {
    note('ALWAYS_SAME_WAY', pc, 'every number is at least 0, so the question always holds', 'jgt #0, or leave it out');
  }
  const isNever = operation === BPF.JGT ? k >= largest : operation === BPF.JSET ? (k & largest) === 0 : k > largest;
  if (!isNever) return;
  const never = operation === BPF.JEQ ? `never ${k}` : `so the question about ${k} never holds`;
  note('NEVER_TRUE', pc, `what was loaded is at most ${largest}, ${never}`, 'load more bytes, or mind the byte order');
}

export function isSameLoad(a: Instruction | undefined, b: Instruction | undefined): boolean {
  return a?.code === b?.code && a?.k === b?.k;
}

export function isSameFound(a: Found | undefined, b: Found | undefined): boolean {
  return a?.value === b?.value && isSameLoad(a?.load, b?.load);
}
