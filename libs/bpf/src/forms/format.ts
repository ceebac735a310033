import type { Instruction, Program } from '../instruction.js';
import { BPF, isAncillary, SKF_AD_OFF } from '../opcodes.js';

export type ProgramFormat = 'd' | 'dd' | 'ddd';

/**
 * Prints a program as `tcpdump -d`, `-dd` (C initialisers) or `-ddd` (decimal numbers) does, character for character.
 * Lines are joined by a newline; none stands at the end.
 */
export function formatProgram(program: Program, format: ProgramFormat): string {
  switch (format) {
    case 'd':
      return program.map(formatInstruction).join('\n');
    case 'dd':
      return program.map(cInitialiser).join('\n');
    case 'ddd':
      return [String(program.length), ...program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}`)].join('\n');
  }
}

/** One line of `tcpdump -d`: jump targets are absolute. */
export function formatInstruction(instruction: Instruction, index: number): string {
  const { code, jt, jf } = instruction;
  const [operation, operand] = describe(instruction, index);
  const line = `(${String(index).padStart(3, '0')}) ${operation.padEnd(8)} `;
  const branches = (code & 0x07) === BPF.JMP && (code & 0xf0) !== BPF.JA;
  if (!branches) return line + operand;
  return `${line}${operand.padEnd(16)} jt ${index + 1 + jt}\tjf ${index + 1 + jf}`;
}

function cInitialiser({ code, jt, jf, k }: Instruction): string {
  return `{ 0x${code.toString(16)}, ${jt}, ${jf}, 0x${k.toString(16).padStart(8, '0')} },`;
}

const LOADS = new Map<number, string>([
  [BPF.LD | BPF.W, 'ld'],
  [BPF.LD | BPF.H, 'ldh'],
  [BPF.LD | BPF.B, 'ldb'],
]);
const JUMPS = new Map<number, string>([
  [BPF.JEQ, 'jeq'],
  [BPF.JGT, 'jgt'],
  [BPF.JGE, 'jge'],
  [BPF.JSET, 'jset'],
]);
const ARITHMETIC = new Map<number, string>([
  [BPF.ADD, 'add'],
  [BPF.SUB, 'sub'],
  [BPF.MUL, 'mul'],
  [BPF.DIV, 'div'],
  [BPF.MOD, 'mod'],
  [BPF.AND, 'and'],
  [BPF.OR, 'or'],
  [BPF.XOR, 'xor'],
  [BPF.LSH, 'lsh'],
  [BPF.RSH, 'rsh'],
]);
/** libpcap prints the operand of these in hexadecimal, of the others as a signed decimal number. */
const BITWISE: ReadonlySet<number> = new Set([BPF.AND, BPF.OR, BPF.XOR]);
/** By (offset - SKF_AD_OFF) / 4. */
const ANCILLARY_NAMES =
  'proto type ifidx nla nlan mark queue hatype rxhash cpu xor_x vlan_tci vlanp poff random vlan_tpid'.split(' ');

type Words = readonly [operation: string, operand: string];

function describe(instruction: Instruction, index: number): Words {
  const { code, k } = instruction;
  switch (code) {
    case BPF.RET | BPF.K:
      return ['ret', `#${k | 0}`];
    case BPF.RET | BPF.A:
      return ['ret', ''];
    case BPF.LD | BPF.W | BPF.LEN:
      return ['ld', '#pktlen'];
    // Libpcap has no words for it; the kernel's bpf_asm writes it so.
    case BPF.LDX | BPF.W | BPF.LEN:
      return ['ldx', '#pktlen'];
    case BPF.LD | BPF.IMM:
      return ['ld', hex(k)];
    case BPF.LD | BPF.MEM:
      return ['ld', `M[${k | 0}]`];
    case BPF.LDX | BPF.IMM:
      return ['ldx', hex(k)];
    case BPF.LDX | BPF.MEM:
      return ['ldx', `M[${k | 0}]`];
    case BPF.LDX | BPF.B | BPF.MSH:
      return ['ldxb', `4*([${k | 0}]&0xf)`];
    case BPF.ST:
      return ['st', `M[${k | 0}]`];
    case BPF.STX:
      return ['stx', `M[${k | 0}]`];
    case BPF.JMP | BPF.JA:
      return ['ja', String((index + 1 + k) | 0)];
    case BPF.ALU | BPF.NEG:
      return ['neg', ''];
    case BPF.MISC | BPF.TAX:
      return ['tax', ''];
    case BPF.MISC | BPF.TXA:
      return ['txa', ''];
    default:
      return describeLoad(code, k) ?? describeOperation(code, k) ?? ['unimp', `0x${code.toString(16)}`];
  }
}

function describeLoad(code: number, k: number): Words | undefined {
  const size = LOADS.get(code & ~0xe0);
  if (size === undefined) return undefined;
  if ((code & 0xe0) === BPF.ABS) return [size, `[${isAncillary(k) ? ANCILLARY_NAMES[(k - SKF_AD_OFF) / 4] : k | 0}]`];
  if ((code & 0xe0) === BPF.IND) return [size, `[x + ${k | 0}]`];
  return undefined;
}

function describeOperation(code: number, k: number): Words | undefined {
  const kind = code & ~0xf8;
  const operation = code & 0xf0;
  const name = kind === BPF.JMP ? JUMPS.get(operation) : kind === BPF.ALU ? ARITHMETIC.get(operation) : undefined;
  if (name === undefined) return undefined;
  if (code & BPF.X) return [name, 'x'];
  return [name, kind === BPF.JMP || BITWISE.has(operation) ? hex(k) : `#${k | 0}`];
}

function hex(k: number): string {
  return `#0x${k.toString(16)}`;
}
