import type { Instruction } from '../instruction.js';
import { BPF, SKF_AD_OFF } from '../opcodes.js';
import { SET_TEST } from '../set-test.js';
import { loadEnd, sizeOf } from './proven-length.js';

/**
 * JavaScript for single instructions. A, X and M[] are the locals a, x and m0 … m15, kept as *signed* 32-bit integers: V8
 * then never leaves integer registers. Comparisons and divisions see them unsigned by `>>> 0`, which V8 turns into the
 * processor's unsigned instructions.
 * `at` is where the packet starts in `bytes`, `captured` and `wire` are its lengths; `load` and `ancillary` are functions
 * for what is rare, whose negative answers end the program: -1 undecided, -2 outside.
 */

/** The fifth argument is not declared: most callers pass four, and V8 takes 6 ns for a missing one. */
const METADATA = 'arguments[4]';

const SIGNED = (k: number): string => String(k | 0);
const UNSIGNED = (k: number): string => String(k >>> 0);

const noWords: ReadonlyMap<string, string> = new Map();

/** Of an absolute load of packet bytes. */
export const wordKey = ({ code, k }: Instruction): string => `${sizeOf(code)}@${k}`;

/** What an absolute load of packet bytes gives, as an expression. */
export const wordCode = ({ code, k }: Instruction): string => bytesAt(`at + ${k}`, sizeOf(code));

/**
 * @param proven how many bytes the packet is known to have
 * @param words locals that hold what absolute loads give, by `wordKey`
 */
export function statementCode(instruction: Instruction, proven: number, words = noWords): string {
  const { code, k } = instruction;
  switch (code) {
    case BPF.LD | BPF.W | BPF.ABS:
    case BPF.LD | BPF.H | BPF.ABS:
    case BPF.LD | BPF.B | BPF.ABS:
      return words.has(wordKey(instruction))
        ? `a = ${words.get(wordKey(instruction))};`
        : absoluteLoad(instruction, proven);
    case BPF.LD | BPF.W | BPF.IND:
    case BPF.LD | BPF.H | BPF.IND:
    case BPF.LD | BPF.B | BPF.IND:
      return indirectLoad(instruction);
    case BPF.LDX | BPF.B | BPF.MSH:
      if (k >= 0x8000_0000) return `${slowLoad(UNSIGNED(k), 1)} x = (t & 15) << 2;`;
      return `${guard(instruction, proven)}x = (${bytesAt(`at + ${k}`, 1)} & 15) << 2;`;
    case BPF.LD | BPF.W | BPF.LEN:
      return 'a = wire | 0;';
    case BPF.LDX | BPF.W | BPF.LEN:
      return 'x = wire | 0;';
    case BPF.LD | BPF.IMM:
      return `a = ${SIGNED(k)};`;
    case BPF.LDX | BPF.IMM:
      return `x = ${SIGNED(k)};`;
    case BPF.LD | BPF.MEM:
      return `a = m${UNSIGNED(k)};`;
    case BPF.LDX | BPF.MEM:
      return `x = m${UNSIGNED(k)};`;
    case BPF.ST:
      return `m${UNSIGNED(k)} = a;`;
    case BPF.STX:
      return `m${UNSIGNED(k)} = x;`;
    case BPF.MISC | BPF.TAX:
      return 'x = a;';
    case BPF.MISC | BPF.TXA:
      return 'a = x;';
    default:
      return arithmetic(code, k);
  }
}

/** The number that a return has in itself. */
export function constantOf({ code, k }: Instruction): number | undefined {
  return code === (BPF.RET | BPF.K) ? k : undefined;
}

/**
 * The last question of all without a branch, where one of its answers is 0: processors guess wrong which way a filter that
 * matches half the packets goes, and a wrong guess costs more than all else. Undefined for what is asked otherwise.
 */
export function answerCode({ code, k }: Instruction, whenTrue?: number, whenFalse?: number): string | undefined {
  if (whenTrue === undefined || whenFalse === undefined || (whenTrue !== 0 && whenFalse !== 0)) return undefined;
  const isEquality = code === (BPF.JMP | BPF.JEQ | BPF.K);
  if (!isEquality && code !== (BPF.JMP | BPF.JSET | BPF.K)) return undefined;
  // All ones in place of any number but 0: of n and -n one is negative.
  const value = whenTrue === 0 ? whenFalse : whenTrue;
  const isForAnyBit = isEquality === (whenTrue === 0);
  const number = isEquality ? `a ^= ${SIGNED(k)}` : `a &= ${SIGNED(k)}`;
  return `${number};\nreturn (${isForAnyBit ? '' : '~'}(a | -a) >> 31 & ${SIGNED(value)}) >>> 0;`;
}

export function returnCode({ code, k }: Instruction): string {
  return code === (BPF.RET | BPF.A) ? 'return a >>> 0;' : `return ${UNSIGNED(k)};`;
}

export function conditionCode({ code, k }: Instruction): string {
  const byX = (code & BPF.X) !== 0;
  switch (code & 0xf0) {
    case BPF.JEQ:
      return `a === ${byX ? 'x' : SIGNED(k)}`;
    case BPF.JGT:
      return `(a >>> 0) > ${byX ? '(x >>> 0)' : UNSIGNED(k)}`;
    case BPF.JGE:
      return `(a >>> 0) >= ${byX ? '(x >>> 0)' : UNSIGNED(k)}`;
    case SET_TEST:
      return `contains(sets[${k}], a >>> 0)`;
    default:
      return `(a & ${byX ? 'x' : SIGNED(k)}) !== 0`;
  }
}

function absoluteLoad(instruction: Instruction, proven: number): string {
  const { code, k } = instruction;
  if (k >= SKF_AD_OFF) return `t = ancillary(${METADATA}, ${UNSIGNED(k)}, a >>> 0, x >>> 0); ${GIVE_UP} a = t | 0;`;
  if (k >= 0x8000_0000) return `${slowLoad(UNSIGNED(k), sizeOf(code))} a = t | 0;`;
  return `${guard(instruction, proven)}a = ${bytesAt(`at + ${k}`, sizeOf(code))};`;
}

const GIVE_UP = 'if (t < 0) return t === -2 ? 0 : -1;';

function slowLoad(offset: string, size: number): string {
  return `t = load(bytes, at, captured, wire, ${METADATA}, ${offset}, ${size}); ${GIVE_UP}`;
}

/** Nothing where an earlier load proves that the packet is long enough. */
function guard(instruction: Instruction, proven: number): string {
  const end = loadEnd(instruction);
  return end <= proven ? '' : `if (captured < ${end}) return wire < ${end} ? 0 : -1;\n`;
}

function indirectLoad({ code, k }: Instruction): string {
  const size = sizeOf(code);
  const fast = `a = ${bytesAt('at + i', size)};`;
  const slow = `${slowLoad('i >>> 0', size)} a = t | 0;`;
  return `i = (x + ${SIGNED(k)}) | 0;\nif (i >= 0 && i <= captured - ${size}) ${fast}\nelse { ${slow} }`;
}

function bytesAt(place: string, size: 1 | 2 | 4): string {
  switch (size) {
    case 1:
      return `bytes[${place}]`;
    case 2:
      return `bytes[${place}] << 8 | bytes[${place} + 1]`;
    case 4:
      return `bytes[${place}] << 24 | bytes[${place} + 1] << 16 | bytes[${place} + 2] << 8 | bytes[${place} + 3]`;
  }
}

function arithmetic(code: number, k: number): string {
  const byX = (code & BPF.X) !== 0;
  const signed = byX ? 'x' : SIGNED(k);
  const unsigned = byX ? '(x >>> 0)' : UNSIGNED(k);
  const zero = byX ? 'if (x === 0) return 0; ' : '';
  switch (code & 0xf0) {
    case BPF.ADD:
      return `a = (a + ${signed}) | 0;`;
    case BPF.SUB:
      return `a = (a - ${byX ? 'x' : `(${signed})`}) | 0;`;
    case BPF.MUL:
      return `a = Math.imul(a, ${signed});`;
    case BPF.DIV:
      return `${zero}a = ((a >>> 0) / ${unsigned}) | 0;`;
    case BPF.MOD:
      return `${zero}a = ((a >>> 0) % ${unsigned}) | 0;`;
    case BPF.AND:
      return `a &= ${signed};`;
    case BPF.OR:
      return `a |= ${signed};`;
    case BPF.XOR:
      return `a ^= ${signed};`;
    // The low five bits of the distance count, in JavaScript as in the kernel.
    case BPF.LSH:
      return `a <<= ${signed};`;
    case BPF.RSH:
      return `a = (a >>> ${signed}) | 0;`;
    default:
      return 'a = -a | 0;';
  }
}
