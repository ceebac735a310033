import { BPF, formatInstruction, type Instruction, type Program } from '@bpfleet/bpf';
import type { Note } from './finding.js';

const HINT = 'count jumps from the next instruction';

/** A jump behind the program's last instruction; the kernel refuses the program for it. */
export function lintTargets({ code, k, jt, jf }: Instruction, pc: number, program: Program, note: Note): void {
  const ways: readonly (readonly [string, number])[] =
    (code & 0xf0) === BPF.JA
      ? [['ja', k]]
      : [
          ['jt', jt],
          ['jf', jf],
        ];
  const outside = ways.filter(([, skip]) => pc + 1 + skip >= program.length);
  if (outside.length === 0) return;
  const where = outside.map(([way, skip]) => `${way} lands on ${pc + 1 + skip}`).join(', ');
  note('JUMP_LANDS', pc, `${where}, but the last instruction is ${program.length - 1}`, HINT);
}

/** A question what a packet carries, of which one answer ends the program the other way than the program goes on. */
export function lintProtocolJump({ jt, jf }: Instruction, pc: number, program: Program, note: Note): void {
  const [onYes, onNo] = [pc + 1 + jt, pc + 1 + jf];
  const lands = `jt lands on ${onYes}, ${printed(program, onYes)}; jf on ${onNo}, ${printed(program, onNo)}`;
  if (isRefusal(program[onYes]) && !isRefusal(program[onNo])) {
    note('JUMP_LANDS', pc, `when it holds the packet is refused: ${lands}`, HINT);
  } else if (isAcceptance(program[onNo]) && asksFurther(program, onYes)) {
    note('JUMP_LANDS', pc, `when it does not hold the packet is accepted, and asked nothing more: ${lands}`, HINT);
  }
}

/** Whether a question from here on accepts what it holds for and refuses the rest, as the last of several that must hold. */
function asksFurther(program: Program, from: number): boolean {
  return program.some(
    ({ code, jt, jf }, pc) =>
      pc >= from &&
      code === (BPF.JMP | BPF.JEQ | BPF.K) &&
      isAcceptance(program[pc + 1 + jt]) &&
      isRefusal(program[pc + 1 + jf]),
  );
}

function isRefusal(instruction: Instruction | undefined): boolean {
  return instruction !== undefined && instruction.code === (BPF.RET | BPF.K) && instruction.k === 0;
}

function isAcceptance(instruction: Instruction | undefined): boolean {
  return instruction !== undefined && instruction.code === (BPF.RET | BPF.K) && instruction.k !== 0;
}

function printed(program: Program, pc: number): string {
  const instruction = program[pc];
  if (instruction === undefined) return 'behind the end';
  return `“${formatInstruction(instruction, pc)
    .replace(/^\(\d+\) /, '')
    .replace(/\s+/g, ' ')
    .trim()}”`;
}
