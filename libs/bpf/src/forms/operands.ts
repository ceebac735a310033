import { BPF, SKF_AD_OFF } from '../opcodes.js';
import { refuse, type Word } from './lines.js';
import { EXTENSIONS } from './mnemonics.js';

/** What stands behind a load or an operation. */
export type Operand =
  | { readonly kind: 'constant' | 'absolute' | 'indirect' | 'memory' | 'header-length'; readonly k: number }
  | { readonly kind: 'length' | 'x' | 'a' };

export const IMPLIED_A: Operand = { kind: 'a' };

const NUMBER = '[+-]?\\s*(?:0x[0-9a-f]+|\\d+)';
const FORMS: readonly (readonly [RegExp, (number: string, word: Word) => Operand])[] = [
  [/^#\s*(?:pktlen|len)$/i, () => ({ kind: 'length' })],
  [/^%?x$/i, () => ({ kind: 'x' })],
  [/^%?a$/i, () => ({ kind: 'a' })],
  [form('#\\s*(N)'), (number, word) => ({ kind: 'constant', k: toNumber(number, word) })],
  [form('M\\[\\s*(N)\\s*\\]'), (number, word) => ({ kind: 'memory', k: toNumber(number, word) })],
  [
    form('4\\s*\\*\\s*\\(\\s*\\[\\s*(N)\\s*\\]\\s*&\\s*0xf\\s*\\)'),
    (number, word) => ({ kind: 'header-length', k: toNumber(number, word) }),
  ],
  [form('\\[\\s*%?x\\s*\\+\\s*(N)\\s*\\]'), (number, word) => ({ kind: 'indirect', k: toNumber(number, word) })],
  [form('\\[\\s*(N)\\s*\\+\\s*%?x\\s*\\]'), (number, word) => ({ kind: 'indirect', k: toNumber(number, word) })],
  [form('\\[\\s*%?x\\s*(-\\s*\\d+)\\s*\\]'), (number, word) => ({ kind: 'indirect', k: toNumber(number, word) })],
  [form('\\[\\s*%?x\\s*()\\]'), () => ({ kind: 'indirect', k: 0 })],
  [form('\\[\\s*(N)\\s*\\]'), (number, word) => ({ kind: 'absolute', k: toNumber(number, word) })],
  [/^[#[]?\s*([a-z_]+)\s*\]?$/i, extension],
];

function form(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll('N', NUMBER)}$`, 'i');
}

/** @throws BpfleetError `PROGRAM_INVALID` with the word's place */
export function readOperand(word: Word): Operand {
  for (const [pattern, read] of FORMS) {
    const match = pattern.exec(word.text);
    if (match) return read(match[1] ?? '', word);
  }
  return refuse(
    word,
    `"${word.text}" is no operand: expected #number, [offset], [x + offset], M[word], 4*([offset]&0xf), x or a`,
  );
}

/** A decimal, hexadecimal or octal number of 32 bits; negative ones are their two's complement. */
export function toNumber(text: string, word: Word): number {
  const digits = text.replaceAll(/\s|^\+/g, '');
  const isNegative = digits.startsWith('-');
  const bare = isNegative ? digits.slice(1) : digits;
  const value = Number(/^0[0-7]+$/.test(bare) ? `0o${bare.slice(1)}` : bare);
  if (!(value < 2 ** 32) || (isNegative && value > 2 ** 31)) refuse(word, `"${word.text}" does not fit into 32 bits`);
  return (isNegative ? -value : value) >>> 0;
}

/** bpf_asm writes metadata as `#proto` or bare `proto`, libpcap as `[proto]`. */
function extension(name: string, word: Word): Operand {
  if (name === 'len') return { kind: 'length' };
  const offset = EXTENSIONS.get(name.toLowerCase());
  if (offset === undefined)
    return refuse(word, `no metadata is called "${name}": there are ${[...EXTENSIONS.keys()].join(', ')}`);
  return { kind: 'absolute', k: SKF_AD_OFF + offset };
}

/** The mode bits of a load from this operand. */
export function modeOf(operand: Operand): number | undefined {
  switch (operand.kind) {
    case 'constant':
      return BPF.IMM;
    case 'absolute':
      return BPF.ABS;
    case 'indirect':
      return BPF.IND;
    case 'memory':
      return BPF.MEM;
    case 'length':
      return BPF.LEN;
    case 'header-length':
      return BPF.MSH;
    default:
      return undefined;
  }
}
