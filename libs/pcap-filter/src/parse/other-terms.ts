import { syntaxFault } from '../fault.js';
import { type Cursor, isOperator, unexpected } from './cursor.js';
import type { Calculation, NumberedWord, NumberOrName, Term } from './tree.js';

const NUMBERED: readonly string[] = ['ifindex', 'vlan', 'mpls', 'pppoed', 'pppoes', 'geneve', 'vxlan'];
const TERM_WORDS: ReadonlySet<string> = new Set([...NUMBERED, 'inbound', 'outbound', 'llc', 'byte']);

/** Whether the keyword begins a term of its own, without qualifiers. */
export function beginsOtherTerm(word: string): boolean {
  return TERM_WORDS.has(word);
}

/** A term that begins with its own word; the cursor stands at it. */
export function readOtherTerm(cursor: Cursor, word: string): Term {
  const { start } = cursor.next().span;
  switch (word) {
    case 'inbound':
    case 'outbound':
      return { kind: 'packet-direction', direction: word, span: cursor.spanFrom(start) };
    case 'llc':
      return readLlc(cursor, start);
    case 'byte':
      return readByte(cursor, start);
    default: {
      const numbers = word === 'pppoed' ? [] : readNumbers(cursor, word as NumberedWord);
      return { kind: 'numbered', word: word as NumberedWord, numbers, span: cursor.spanFrom(start) };
    }
  }
}

/** The number behind the word, in parentheses or not; of `vlan` a list of numbers and ranges. */
function readNumbers(cursor: Cursor, word: NumberedWord): { from: number; to: number }[] {
  const first = readPlainNumber(cursor, word);
  const isRange = first === undefined && word === 'vlan' && rangeOf(cursor) !== undefined;
  if (first === undefined && !isRange) return [];
  const numbers = [first ?? takeRange(cursor)];
  while (word === 'vlan' && cursor.takeOperator(',')) {
    numbers.push(readPlainNumber(cursor, word) ?? takeRange(cursor));
  }
  return numbers;
}

function readPlainNumber(cursor: Cursor, word: NumberedWord): { from: number; to: number } | undefined {
  let depth = 0;
  while (isOperator(cursor.peek(depth), '(')) depth++;
  const token = cursor.peek(depth);
  if (token.kind !== 'number') {
    if (word === 'ifindex') throw unexpected(cursor.peek(), 'the index of an interface', 'ifindex 2');
    return undefined;
  }
  for (let index = 0; index <= depth; index++) cursor.next();
  for (let index = 0; index < depth; index++) cursor.expectOperator(')', `${word} (100)`);
  return { from: token.value, to: token.value };
}

/** `20-30` is one name to the lexer, as it is to libpcap's. */
function rangeOf(cursor: Cursor): { from: number; to: number } | undefined {
  const token = cursor.peek();
  const ends = token.kind === 'name' ? /^(\d+)-(\d+)$/.exec(token.name) : null;
  return ends ? { from: Number(ends[1]), to: Number(ends[2]) } : undefined;
}

function takeRange(cursor: Cursor): { from: number; to: number } {
  const range = rangeOf(cursor);
  if (range === undefined) throw unexpected(cursor.peek(), 'a VLAN or a range of them', 'vlan 10,20-30');
  if (range.from > range.to) throw syntaxFault(cursor.peek().span, 'the range begins behind its end', 'vlan 20-30');
  cursor.next();
  return range;
}

function readLlc(cursor: Cursor, start: number): Term {
  const token = cursor.peek();
  // `rnr` is a word of packet-filter logs too.
  const frame =
    token.kind === 'name' ? token.name : token.kind === 'keyword' && token.word === 'rnr' ? 'rnr' : undefined;
  if (frame !== undefined) cursor.next();
  const span = cursor.spanFrom(start);
  return { kind: 'llc', span, ...(frame !== undefined && { frame }) };
}

/** `byte 0 = 5`: libpcap's old way to write `link[0] = 5`; `&` and `|` ask whether any bit is left. */
function readByte(cursor: Cursor, start: number): Term {
  const number = (): Extract<Calculation, { kind: 'number' }> => {
    const token = cursor.next();
    if (token.kind !== 'number') throw unexpected(token, 'a number', 'link[0] = 5');
    return { kind: 'number', value: token.value, span: token.span };
  };
  const index = number();
  const sign = cursor.next();
  const operator = sign.kind === 'operator' ? sign.operator : '';
  if (!['=', '==', '<', '>', '&', '|'].includes(operator)) throw unexpected(sign, 'one of = < > & |', 'link[0] = 5');
  const right = number();
  const span = { start, end: right.span.end };
  const left: Calculation = { kind: 'accessor', protocol: 'ether', index, size: 1, span: index.span };
  if (operator === '&' || operator === '|') {
    const bits: Calculation = { kind: 'binary', operator, left, right, span };
    return { kind: 'relation', left: bits, comparison: '!=', right: { kind: 'number', value: 0, span }, span };
  }
  return { kind: 'relation', left, comparison: operator === '==' ? '=' : (operator as '=' | '<' | '>'), right, span };
}

/** `type mgt subtype beacon`, `subtype ack`, `dir tods`; the cursor stands at the first word. */
export function readWlanTerm(cursor: Cursor, start: number): Term {
  if (cursor.takeKeyword('direction')) {
    const direction = readNumberOrName(cursor, 'a direction: nods, tods, fromds or dstods');
    return { kind: 'wlan-direction', direction, span: cursor.spanFrom(start) };
  }
  const type = cursor.takeKeyword('type') ? readNumberOrName(cursor, 'a type: mgt, ctl or data') : undefined;
  const subtype = cursor.takeKeyword('subtype') ? readNumberOrName(cursor, 'a subtype, as beacon') : undefined;
  const span = cursor.spanFrom(start);
  return { kind: 'wlan-frame', span, ...(type && { type }), ...(subtype && { subtype }) };
}

function readNumberOrName(cursor: Cursor, expected: string): NumberOrName {
  const token = cursor.next();
  if (token.kind === 'number' || token.kind === 'name') return token;
  throw unexpected(token, expected, 'type mgt subtype beacon, dir fromds');
}
