import { BpfleetError } from '@bpfleet/errors';
import { BPF } from '../../opcodes.js';
import { EBPF, type EbpfInstruction, type EbpfProgram } from '../instruction.js';
import { ASSIGNMENTS, COMPARISONS, keyOf, MAP, SIZES } from './words.js';

/**
 * Reads what `formatEbpf` and the kernel's verifier print: one instruction a line, with or without its number, comments
 * behind `;`. Distances of jumps count instructions from the next one.
 * @throws BpfleetError `PROGRAM_INVALID` with the line that cannot be read
 */
export function assembleEbpf(text: string): EbpfProgram {
  const program: EbpfInstruction[] = [];
  let start = 0;
  for (const line of text.split('\n')) {
    const bare = line
      .replace(/;.*/, '')
      .replace(/^\s*\d+:\s*(\([0-9a-f]{2}\))?/, '')
      .trim();
    if (bare !== '') program.push(...(readLine(bare) ?? refuse(line, start)));
    start += line.length + 1;
  }
  if (program.length === 0) throw new BpfleetError('PROGRAM_INVALID', 'the text is empty: there is no program');
  return program;
}

function refuse(line: string, start: number): never {
  const span = { start: start + line.length - line.trimStart().length, end: start + line.trimEnd().length };
  throw new BpfleetError('PROGRAM_INVALID', `“${line.trim().slice(0, 60)}” is no eBPF instruction`, { span });
}

type Read = (found: readonly string[]) => EbpfProgram | undefined;

const NUMBER = '(-?\\d+|0x[0-9a-f]+)';
const PLACE = '\\*\\((u8|u16|u32|u64) \\*\\)\\(r(\\d+) ?([+-]) ?(\\d+)\\)';
const GOTO = 'goto pc([+-]\\d+)';

/** Each form, and what its pieces make. */
const FORMS: readonly (readonly [form: RegExp, read: Read])[] = [
  [/^exit$/, () => one(BPF.JMP | EBPF.EXIT)],
  [form(GOTO), ([off]) => one(BPF.JMP | BPF.JA, 0, 0, off)],
  [/^call [a-z_0-9]*#(\d+)$/, ([helper]) => one(BPF.JMP | EBPF.CALL, 0, 0, 0, helper)],
  [form(`if ([rw])(\\d+) (\\S+) (?:([rw])(\\d+)|${NUMBER}) ${GOTO}`), readBranch],
  [/^r(\d+) = map\[(\d+)\] ll$/, ([dst, map]) => [...one(EBPF.LOAD_64, dst, MAP, 0, map), ...one(0)]],
  [/^r(\d+) = 0x([0-9a-f]{1,16}) ll$/, readWide],
  [/^r(\d+) = (be|le)(16|32|64) r\1$/, readSwap],
  [/^([rw])(\d+) = -\1\2$/, ([letter, dst]) => one(classOf(letter, BPF.ALU, EBPF.ALU64) | BPF.NEG, dst)],
  [form(`r(\\d+) = ${PLACE}`), readLoad],
  [form(`${PLACE} = (?:r(\\d+)|${NUMBER})`), readStore],
  [form(`lock ${PLACE} \\+= r(\\d+)`), readAtomic],
  [form(`([rw])(\\d+) (\\S+) (?:([rw])(\\d+)|${NUMBER})`), readCalculation],
  [form(`insn ${Array(5).fill(NUMBER).join(' ')}`), (found) => one(...(found.map(Number) as [number]))],
];

function form(pattern: string): RegExp {
  return new RegExp(`^${pattern}$`);
}

function readLine(line: string): EbpfProgram | undefined {
  for (const [pattern, read] of FORMS) {
    const found = pattern.exec(line);
    const program = found && read(found.slice(1));
    if (program?.every(isInRange)) return program;
  }
  return undefined;
}

function isInRange({ code, dst, src, off, imm }: EbpfInstruction): boolean {
  const isWhole = (value: number, low: number, high: number) =>
    Number.isInteger(value) && value >= low && value <= high;
  return (
    isWhole(code, 0, 0xff) &&
    isWhole(dst, 0, 15) &&
    isWhole(src, 0, 15) &&
    isWhole(off, -0x8000, 0x7fff) &&
    isWhole(imm, -0x8000_0000, 0x7fff_ffff)
  );
}

/** Immediates from 2^31 on are the negative numbers of the same bits. */
function one(code: number, dst: Piece = 0, src: Piece = 0, off: Piece = 0, imm: Piece = 0): [EbpfInstruction] {
  const number = Number(imm);
  const signed = number > 0x7fff_ffff && number <= 0xffff_ffff ? number | 0 : number;
  return [{ code, dst: Number(dst), src: Number(src), off: Number(off), imm: signed }];
}
type Piece = string | number | undefined;

function classOf(letter: string | undefined, narrow: number, wide: number): number {
  return letter === 'r' ? wide : narrow;
}

function readBranch([letter, dst, sign = '', other, src, imm, off]: readonly string[]): EbpfProgram | undefined {
  const test = keyOf(COMPARISONS, sign);
  if (test === undefined || (other !== undefined && other !== letter)) return undefined;
  const operand = src === undefined ? BPF.K : BPF.X;
  return one(classOf(letter, EBPF.JMP32, BPF.JMP) | test | operand, dst, src, off, imm);
}

function readCalculation([letter, dst, sign = '', other, src, imm]: readonly string[]): EbpfProgram | undefined {
  const operation = keyOf(ASSIGNMENTS, sign);
  if (operation === undefined || (other !== undefined && other !== letter)) return undefined;
  const operand = src === undefined ? BPF.K : BPF.X;
  return one(classOf(letter, BPF.ALU, EBPF.ALU64) | operation | operand, dst, src, 0, imm);
}

function readWide([dst, digits]: readonly string[]): EbpfProgram {
  const number = BigInt(`0x${digits}`);
  const half = (part: bigint) => Number(BigInt.asIntN(32, part));
  return [...one(EBPF.LOAD_64, dst, 0, 0, half(number)), ...one(0, 0, 0, 0, half(number >> 32n))];
}

function readSwap([dst, order, bits]: readonly string[]): EbpfProgram {
  return one(BPF.ALU | EBPF.END | (order === 'be' ? EBPF.TO_BE : 0), dst, 0, 0, bits);
}

function readLoad([dst, size = '', src, sign, off]: readonly string[]): EbpfProgram {
  return one(BPF.LDX | BPF.MEM | (keyOf(SIZES, size) ?? 0), dst, src, `${sign}${off}`);
}

function readStore([size = '', dst, sign, off, src, imm]: readonly string[]): EbpfProgram {
  const kind = src === undefined ? BPF.ST : BPF.STX;
  return one(kind | BPF.MEM | (keyOf(SIZES, size) ?? 0), dst, src, `${sign}${off}`, imm);
}

function readAtomic([size = '', dst, sign, off, src]: readonly string[]): EbpfProgram {
  return one(BPF.STX | EBPF.ATOMIC | (keyOf(SIZES, size) ?? 0), dst, src, `${sign}${off}`, BPF.ADD);
}
