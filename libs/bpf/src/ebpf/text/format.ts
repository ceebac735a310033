import { BPF } from '../../opcodes.js';
import { EBPF, type EbpfInstruction, type EbpfProgram } from '../instruction.js';
import { ASSIGNMENTS, COMPARISONS, HELPER_NAMES, MAP, SIZES } from './words.js';

/** Prints a program as the kernel's verifier does, a line for each instruction; `assembleEbpf` reads it back. */
export function formatEbpf(program: EbpfProgram): string {
  const lines: string[] = [];
  for (let index = 0; index < program.length; index++) {
    const instruction = program[index] as EbpfInstruction;
    const next = program[index + 1];
    const wide = next && wideLoad(instruction, next);
    lines.push(`${String(index).padStart(4)}: ${wide ?? words(instruction) ?? raw(instruction)}`);
    if (wide !== undefined) index++;
  }
  return lines.join('\n');
}

/** Two instructions that are one: a number of 64 bits. */
function wideLoad({ code, dst, src, off, imm }: EbpfInstruction, next: EbpfInstruction): string | undefined {
  if (code !== EBPF.LOAD_64 || off !== 0 || next.code !== 0 || next.dst + next.src + next.off !== 0) return undefined;
  if (src === MAP && next.imm === 0 && imm >= 0) return `r${dst} = map[${imm}] ll`;
  if (src !== 0) return undefined;
  const number = (BigInt(next.imm >>> 0) << 32n) | BigInt(imm >>> 0);
  return `r${dst} = 0x${number.toString(16)} ll`;
}

/** Undefined for what has no words, or fields set that its words do not show. */
function words(instruction: EbpfInstruction): string | undefined {
  switch (instruction.code & 0x07) {
    case BPF.ALU:
    case EBPF.ALU64:
      return calculation(instruction);
    case BPF.JMP:
    case EBPF.JMP32:
      return jump(instruction);
    default:
      return memory(instruction);
  }
}

function calculation({ code, dst, src, off, imm }: EbpfInstruction): string | undefined {
  const letter = (code & 0x07) === EBPF.ALU64 ? 'r' : 'w';
  const isRegister = (code & BPF.X) !== 0;
  const operation = code & 0xf0;
  if (off !== 0) return undefined;
  if (operation === EBPF.END) {
    if (src !== 0 || letter === 'r' || ![16, 32, 64].includes(imm)) return undefined;
    return `r${dst} = ${isRegister ? 'be' : 'le'}${imm} r${dst}`;
  }
  if (operation === BPF.NEG) return isRegister || src || imm ? undefined : `${letter}${dst} = -${letter}${dst}`;
  const sign = ASSIGNMENTS.get(operation);
  if (sign === undefined || (isRegister ? imm : src) !== 0) return undefined;
  return `${letter}${dst} ${sign} ${isRegister ? `${letter}${src}` : imm}`;
}

function jump({ code, dst, src, off, imm }: EbpfInstruction): string | undefined {
  const letter = (code & 0x07) === BPF.JMP ? 'r' : 'w';
  const to = `goto pc${off < 0 ? '' : '+'}${off}`;
  const isRegister = (code & BPF.X) !== 0;
  if (code === (BPF.JMP | EBPF.EXIT)) return dst || src || off || imm ? undefined : 'exit';
  if (code === (BPF.JMP | BPF.JA)) return dst || src || imm ? undefined : to;
  if (code === (BPF.JMP | EBPF.CALL)) {
    return dst || src || off || imm < 0 ? undefined : `call ${HELPER_NAMES.get(imm) ?? 'helper'}#${imm}`;
  }
  const sign = COMPARISONS.get(code & 0xf0);
  if (sign === undefined || (isRegister ? imm : src) !== 0) return undefined;
  const operand = isRegister ? `${letter}${src}` : `0x${(imm >>> 0).toString(16)}`;
  return `if ${letter}${dst} ${sign} ${operand} ${to}`;
}

function memory({ code, dst, src, off, imm }: EbpfInstruction): string | undefined {
  const place = (register: number) =>
    `*(${SIZES.get(code & 0x18)} *)(r${register} ${off < 0 ? '-' : '+'}${Math.abs(off)})`;
  switch (code & ~0x18) {
    case BPF.LDX | BPF.MEM:
      return imm === 0 ? `r${dst} = ${place(src)}` : undefined;
    case BPF.ST | BPF.MEM:
      return src === 0 ? `${place(dst)} = ${imm}` : undefined;
    case BPF.STX | BPF.MEM:
      return imm === 0 ? `${place(dst)} = r${src}` : undefined;
    case BPF.STX | EBPF.ATOMIC:
      return imm === BPF.ADD ? `lock ${place(dst)} += r${src}` : undefined;
    default:
      return undefined;
  }
}

function raw({ code, dst, src, off, imm }: EbpfInstruction): string {
  return `insn 0x${code.toString(16)} ${dst} ${src} ${off} ${imm}`;
}
