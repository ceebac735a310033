import type { Value } from '../ir/ir.js';
import { ALL_BITS, complement, intersection, onlyValue, type Ranges } from '../ir/ranges.js';
import type { Formula, Test } from './formula.js';

/** A word that reads bytes: `link[12:2]`, `tcp[13]`. */
export interface Accessor {
  readonly word: string;
  /** Where in the packet it counts from: a fixed offset, behind a number where the packet decides. */
  readonly offset: number;
  readonly base?: Value;
}

/** A text, and how its terms are joined: `and` and `or` bind alike, so one inside the other needs parentheses. */
export interface Written {
  readonly text: string;
  readonly joined?: 'all' | 'any';
}

/** The formula in the language's plainest words: bytes by offset, calculations, `and`, `or`. */
export function writeFormula(formula: Formula, by: Accessor): Written {
  switch (formula.kind) {
    case 'always':
      return { text: formula.value ? '' : 'len < 0' };
    case 'comparison':
      return {
        text: `${writeValue(formula.left.value, by)} ${formula.sign} ${writeValue(formula.right.value, by)}`,
      };
    case 'test':
      return writeTest(formula, by);
    case 'all':
    case 'any':
      return joinWritten(
        formula.kind,
        formula.parts.map((part) => writeFormula(part, by)),
      );
  }
}

export function joinWritten(kind: 'all' | 'any', parts: readonly Written[]): Written {
  const [only, ...more] = parts;
  if (only !== undefined && more.length === 0) return only;
  const texts = parts.map(({ text, joined }) => (joined === undefined || joined === kind ? text : `(${text})`));
  return { text: texts.join(kind === 'all' ? ' and ' : ' or '), joined: kind };
}

function writeTest({ value, mask, within }: Test, by: Accessor): Written {
  if (value.value.kind === 'metadata') return writeMetadata(value.value.name, within);
  const isWhole = mask === ALL_BITS;
  const left = isWhole ? writeValue(value.value, by) : `${writeOperand(value.value, by)} & ${writeNumber(mask)}`;
  const largest = isWhole ? value.largest : mask;
  const outside = intersection(complement(within), Uint32Array.of(0, largest));
  if (outside.length >= within.length) return writeRanges(left, within, largest);
  if (outside.length === 2 && outside[0] === outside[1]) return { text: `${left} != ${writeNumber(outside[0] ?? 0)}` };
  return { text: `not (${writeRanges(left, outside, largest).text})` };
}

function writeRanges(left: string, within: Ranges, largest: number): Written {
  const parts: Written[] = [];
  for (let index = 0; index < within.length; index += 2) {
    const [from = 0, to = 0] = [within[index], within[index + 1]];
    parts.push(writeRange(left, from, to, largest));
  }
  return joinWritten('any', parts);
}

function writeRange(left: string, from: number, to: number, largest: number): Written {
  if (from === to) return { text: `${left} = ${writeNumber(from)}` };
  if (to === largest) return { text: from === 1 ? `${left} != 0` : `${left} >= ${writeNumber(from)}` };
  if (from === 0) return { text: `${left} <= ${writeNumber(to)}` };
  return { text: `${left} >= ${writeNumber(from)} and ${left} <= ${writeNumber(to)}`, joined: 'all' };
}

/** `PACKET_OUTGOING`, include/uapi/linux/if_packet.h. */
const OUTGOING = 4;

/**
 * What the kernel keeps beside the bytes has words of its own, for one value or any other.
 * @throws RangeError where it has none
 */
function writeMetadata(name: Extract<Value, { kind: 'metadata' }>['name'], within: Ranges): Written {
  const value = onlyValue(within);
  const only = value ?? onlyValue(complement(within));
  if (name === 'interfaceIndex' && only !== undefined) {
    return { text: `${value === undefined ? 'not ' : ''}ifindex ${only}` };
  }
  if (name === 'packetType' && only === OUTGOING) return { text: value === undefined ? 'inbound' : 'outbound' };
  throw new RangeError(`no word asks for this ${name}`);
}

function writeValue(value: Value, by: Accessor): string {
  switch (value.kind) {
    case 'constant':
      return writeNumber(value.value);
    case 'length':
      return 'len';
    case 'load':
      return `${by.word}[${writeIndex(value, by)}${value.size === 1 ? '' : `:${value.size}`}]`;
    case 'negate':
      return `-${writeOperand(value.operand, by)}`;
    case 'binary':
      return `${writeOperand(value.left, by)} ${value.operator} ${writeOperand(value.right, by)}`;
    case 'slot':
    case 'metadata':
      throw new RangeError(`no word calculates with a ${value.kind}`);
  }
}

/**
 * The index that this accessor reads the load at.
 * @throws RangeError where the load is none of the accessor's
 */
function writeIndex({ base, offset }: Extract<Value, { kind: 'load' }>, by: Accessor): string {
  const from = offset - by.offset;
  const rest = by.base === undefined ? base : withoutBase(base, by.base);
  if (from < 0) throw new RangeError(`${offset} is in front of ${by.word}`);
  if (rest === undefined) return String(from);
  return from === 0 ? writeValue(rest, by) : `${writeOperand(rest, by)} + ${writeNumber(from)}`;
}

function withoutBase(value: Value | undefined, base: Value): Value | undefined {
  if (isSameValue(value, base)) return undefined;
  if (value?.kind === 'binary' && value.operator === '+') {
    if (isSameValue(value.left, base)) return value.right;
    if (isSameValue(value.right, base)) return value.left;
  }
  throw new RangeError('not behind the accessor');
}

function isSameValue(one: Value | undefined, other: Value): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}

/** Every calculation inside another has parentheses: `^` and `%` bind as nobody expects. */
function writeOperand(value: Value, by: Accessor): string {
  const text = writeValue(value, by);
  return value.kind === 'binary' || value.kind === 'negate' ? `(${text})` : text;
}

/** Small numbers as people count, others as they stand in a packet. */
function writeNumber(value: number): string {
  return value < 1024 ? String(value) : `0x${value.toString(16)}`;
}
