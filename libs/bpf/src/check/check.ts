import type { Instruction, Program } from '../instruction.js';
import { BPF, isAncillary, MAX_INSTRUCTIONS, MEMORY_WORDS, SKF_AD_OFF } from '../opcodes.js';
import type { CheckFault, CheckRule } from './check-fault.js';
import { checkJumpSpans } from './jump-spans.js';
import { checkMemory } from './memory.js';

/**
 * What the kernel checks before it takes a classic program (net/core/filter.c: `bpf_check_classic`, then
 * `check_load_and_stores`), in the kernel's order, and last what its conversion to eBPF refuses. Undefined: the kernel takes
 * it, unless `net.core.optmem_max` leaves no room (see `convertedLength`).
 */
export function checkProgram(program: Program): CheckFault | undefined {
  const last = program.length - 1;
  if (program.length === 0 || program.length > MAX_INSTRUCTIONS) {
    return fault('program-length', Math.max(last, 0), `${program.length} instructions; the kernel takes 1 to 4096`);
  }
  return checkInstructions(program) ?? checkJumpSpans(program);
}

/** The rules without which a program means nothing, also outside the kernel, where it may be of any length. */
export function checkInstructions(program: Program): CheckFault | undefined {
  const last = program.length - 1;
  if (last < 0) return fault('program-length', 0, 'a program without instructions');
  for (const [pc, instruction] of program.entries()) {
    const found = checkInstruction(instruction, pc, program.length);
    if (found) return found;
  }
  const end = program[last]?.code;
  if (end !== (BPF.RET | BPF.K) && end !== (BPF.RET | BPF.A)) {
    return fault('last-instruction', last, 'the program does not end with ret #k or ret a');
  }
  return checkMemory(program);
}

/** `chk_code_allowed`: the whole 16-bit code must be one of these. `ret x` is not among them. */
const ALLOWED: ReadonlySet<number> = new Set([
  ...[BPF.ADD, BPF.SUB, BPF.MUL, BPF.DIV, BPF.MOD, BPF.AND, BPF.OR, BPF.XOR, BPF.LSH, BPF.RSH].flatMap((operation) => [
    BPF.ALU | operation | BPF.K,
    BPF.ALU | operation | BPF.X,
  ]),
  BPF.ALU | BPF.NEG,
  ...[BPF.W, BPF.H, BPF.B].flatMap((size) => [BPF.LD | size | BPF.ABS, BPF.LD | size | BPF.IND]),
  BPF.LD | BPF.W | BPF.LEN,
  BPF.LD | BPF.IMM,
  BPF.LD | BPF.MEM,
  BPF.LDX | BPF.W | BPF.LEN,
  BPF.LDX | BPF.B | BPF.MSH,
  BPF.LDX | BPF.IMM,
  BPF.LDX | BPF.MEM,
  BPF.ST,
  BPF.STX,
  BPF.MISC | BPF.TAX,
  BPF.MISC | BPF.TXA,
  BPF.RET | BPF.K,
  BPF.RET | BPF.A,
  BPF.JMP | BPF.JA,
  ...[BPF.JEQ, BPF.JGT, BPF.JGE, BPF.JSET].flatMap((test) => [BPF.JMP | test | BPF.K, BPF.JMP | test | BPF.X]),
]);

function checkInstruction({ code, jt, jf, k }: Instruction, pc: number, length: number): CheckFault | undefined {
  if (!ALLOWED.has(code))
    return fault('unknown-opcode', pc, `the kernel knows no classic opcode 0x${code.toString(16)}`);
  switch (code) {
    case BPF.ALU | BPF.DIV | BPF.K:
    case BPF.ALU | BPF.MOD | BPF.K:
      return k === 0 ? fault('division-by-zero', pc, 'division by the constant 0') : undefined;
    case BPF.ALU | BPF.LSH | BPF.K:
    case BPF.ALU | BPF.RSH | BPF.K:
      return k >= 32 ? fault('shift-too-far', pc, `a shift by ${k}; a word has 32 bits`) : undefined;
    case BPF.LD | BPF.MEM:
    case BPF.LDX | BPF.MEM:
    case BPF.ST:
    case BPF.STX:
      return k >= MEMORY_WORDS ? fault('memory-index', pc, `there is no M[${k}]; the last is M[15]`) : undefined;
    case BPF.JMP | BPF.JA:
      // k is unsigned, so a jump back is a jump far beyond the end.
      return k >= length - pc - 1 ? fault('jump-target', pc, 'ja leaves the program or jumps back') : undefined;
    case BPF.LD | BPF.W | BPF.ABS:
    case BPF.LD | BPF.H | BPF.ABS:
    case BPF.LD | BPF.B | BPF.ABS:
      return k >= SKF_AD_OFF && !isAncillary(k)
        ? fault('ancillary-unknown', pc, `no metadata stands at SKF_AD_OFF + ${k - SKF_AD_OFF}`)
        : undefined;
    default:
      if ((code & 0x07) !== BPF.JMP || Math.max(jt, jf) + pc + 1 < length) return undefined;
      return fault('branch-target', pc, 'a branch leaves the program');
  }
}

function fault(rule: CheckRule, instruction: number, message: string): CheckFault {
  return { rule, instruction, message };
}
