import { ALL_BITS, onlyValue } from '../../ir/ranges.js';
import type { Formula, Test } from '../formula.js';

export interface Network {
  readonly type: 'host' | 'net';
  readonly value: string;
}

/** The hosts and networks that a range of addresses is made of, the largest that fit. */
export function networks4(from: number, to: number): Network[] {
  const found: Network[] = [];
  for (let first = from; first <= to; ) {
    let rest = 0;
    while (rest < 0xffff_ffff && (first & (2 * rest + 1)) === 0 && first + 2 * rest + 1 <= to) rest = 2 * rest + 1;
    const length = Math.clz32(rest);
    found.push(
      length === 32 ? { type: 'host', value: dotted(first) } : { type: 'net', value: `${dotted(first)}/${length}` },
    );
    first += rest + 1;
  }
  return found;
}

/** How many leading bits all numbers of the range share, where it is all numbers with these. */
function prefixLength(from: number, to: number): number | undefined {
  const rest = (from ^ to) >>> 0;
  const isAligned = (rest & (rest + 1)) === 0 && (from & rest) === 0;
  return isAligned ? Math.clz32(rest) : undefined;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** Tests of one fixed place each, by offset. */
type Fields = ReadonlyMap<number, Test>;

/** IPv6 hosts and networks: up to four words in a row, the last maybe not whole. */
export function addressesIn(formula: Formula): Set<string> {
  const found = new Set<string>();
  for (const fields of conjunctions(formula, 4)) {
    for (const offset of fields.keys()) {
      if (fields.has(offset - 4)) continue;
      const address = addressAt(fields, offset);
      if (address !== undefined) found.add(address);
    }
  }
  return found;
}

function addressAt(fields: Fields, offset: number): string | undefined {
  const words: number[] = [];
  let bits = 0;
  while (words.length < 4) {
    const within = fields.get(offset + 4 * words.length)?.within;
    const length = within?.length === 2 ? prefixLength(within[0] ?? 0, within[1] ?? 0) : undefined;
    if (length === undefined) break;
    words.push(within?.[0] ?? 0);
    bits += length;
    if (length < 32) break;
  }
  if (words.length === 0) return undefined;
  const groups = [...words, 0, 0, 0].slice(0, 4).flatMap((word) => [word >>> 16, word & 0xffff]);
  const text = shortened(groups);
  return bits === 128 ? `host ${text}` : `net ${text}/${bits}`;
}

/** The longest row of zeros as `::` (RFC 5952). */
function shortened(groups: readonly number[]): string {
  const text = groups.map((group) => group.toString(16)).join(':');
  const rows = text.match(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g) ?? [];
  const longest = rows.reduce((one, other) => (other.length > one.length ? other : one), '');
  if (longest === '') return text;
  const [before = '', ...after] = splitAt(text, longest);
  return `${before.replace(/:$/, '')}::${after.join('').replace(/^:/, '')}`;
}

function splitAt(text: string, part: string): string[] {
  const at = text.search(new RegExp(`(?<![0-9a-f])${part}(?![0-9a-f])`));
  return [text.slice(0, at), text.slice(at + part.length)];
}

/** MAC addresses: two bytes, and four behind them. Which belong together is not asked, so there are more of them than are meant. */
export function macsIn(formula: Formula): Set<string> {
  const found = new Set<string>();
  for (const [high, low] of macHalves(formula)) {
    if (found.size >= MOST_MACS) break;
    found.add(macOf(high, low));
  }
  return found;
}

function* macHalves(formula: Formula): Iterable<[number, number]> {
  const highs = numbersByOffset(formula, 2);
  for (const [offset, lows] of numbersByOffset(formula, 4)) {
    for (const low of lows) for (const high of highs.get(offset - 2) ?? []) yield [high, low];
  }
}

/** No filter that a person wrote has more. */
const MOST_MACS = 400;

/** The single numbers that whole fields of this size are asked for, by offset. */
function numbersByOffset(formula: Formula, size: number): Map<number, Set<number>> {
  const numbers = new Map<number, Set<number>>();
  for (const fields of conjunctions(formula, size)) {
    for (const [offset, { within }] of fields) {
      const number = onlyValue(within);
      if (number === undefined) continue;
      const known = numbers.get(offset);
      if (known === undefined) numbers.set(offset, new Set([number]));
      else known.add(number);
    }
  }
  return numbers;
}

function macOf(high: number, low: number): string {
  const digits = high.toString(16).padStart(4, '0') + low.toString(16).padStart(8, '0');
  return (digits.match(/../g) ?? []).join(':');
}

/** The whole fields of this size that are asked for together, wherever the formula does. Also where it asks that not all hold. */
function* conjunctions(formula: Formula, size: number): Iterable<Fields> {
  if (formula.kind !== 'all' && formula.kind !== 'any') return;
  const fields = new Map<number, Test>();
  for (const part of formula.parts) {
    if (part.kind !== 'test' || part.mask !== ALL_BITS) continue;
    const { value } = part.value;
    if (value.kind === 'load' && value.base === undefined && value.size === size) fields.set(value.offset, part);
  }
  yield fields;
  for (const part of formula.parts) yield* conjunctions(part, size);
}
