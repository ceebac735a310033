import { syntaxFault, unsupportedFault } from '../fault.js';
import { shortened } from '../lex/lex.js';
import type { Token } from '../lex/token.js';
import { type Link, type Logic, leafOf } from '../logic.js';
import { type Cursor, isKeyword, isOperator, unexpected } from './cursor.js';
import { checkNesting } from './nesting.js';
import { readSet, startsSet } from './sets.js';
import type { Primitive, Qualifiers, Term, Value, ValueSet } from './tree.js';
import { OPERATORS } from './words.js';

/** Whether a token can be a value: what follows `port` or, in a list, `or`. */
export function startsValue({ kind }: Token): boolean {
  return kind !== 'keyword' && kind !== 'operator' && kind !== 'end';
}

/**
 * One value under `qualifiers`, or a list of them in parentheses; libpcap's `id`.
 * `not` may stand in front of each.
 */
export function readValue(cursor: Cursor, qualifiers: Qualifiers, depth: number): Logic<Term> {
  checkNesting(depth, cursor);
  if (cursor.takeKeyword('not')) return { kind: 'not', operand: readValue(cursor, qualifiers, depth + 1) };
  if (cursor.takeOperator('(')) return readList(cursor, qualifiers, depth);
  if (startsSet(cursor)) return leafOf(readSet(cursor, qualifiers));
  return leafOf(readPrimitive(cursor, qualifiers));
}

/** `80 or 443)`. */
function readList(cursor: Cursor, qualifiers: Qualifiers, depth: number): Logic<Term> {
  const opensAgain = isOperator(cursor.peek(), '(');
  const first = opensAgain ? readBracketed(cursor, qualifiers, depth) : readValue(cursor, qualifiers, depth + 1);
  const rest: Link<Term>[] = [];
  for (;;) {
    const operator = cursor.takeOneOf(OPERATORS);
    if (operator === undefined) break;
    rest.push({ operator, operand: readValue(cursor, qualifiers, depth + 1) });
  }
  cursor.expectOperator(')', LIST_HINT);
  return rest.length === 0 ? first : { kind: 'chain', first, rest };
}

const LIST_HINT = 'a list of values begins with a value and ends with a parenthesis: port (80 or 443)';

/** What opens a list with a parenthesis of its own is, as in libpcap, one number: `((80) or 443)`. */
function readBracketed(cursor: Cursor, qualifiers: Qualifiers, depth: number): Logic<Term> {
  checkNesting(depth, cursor);
  if (cursor.takeOperator('(')) {
    const number = readBracketed(cursor, qualifiers, depth + 1);
    cursor.expectOperator(')', LIST_HINT);
    return number;
  }
  if (cursor.peek().kind !== 'number') throw unexpected(cursor.peek(), 'a number', LIST_HINT);
  return leafOf(readPrimitive(cursor, qualifiers));
}

function readPrimitive(cursor: Cursor, qualifiers: Qualifiers): Primitive {
  const token = cursor.peek();
  if (!startsValue(token)) throw missingValue(token, qualifiers);
  cursor.next();
  const value = withMask(cursor, token);
  return { kind: 'primitive', qualifiers, value, span: cursor.spanFrom(token.span.start) };
}

/** The `/8` or `mask 255.0.0.0` behind an address. */
export function withMask(cursor: Cursor, token: Token): Exclude<Value, ValueSet> {
  switch (token.kind) {
    case 'ipv4':
      if (cursor.takeKeyword('mask')) return { ...token, mask: expectIpv4(cursor) };
      return cursor.takeOperator('/') ? { ...token, prefixLength: expectNumber(cursor) } : token;
    case 'ipv6':
      return cursor.takeOperator('/') ? { ...token, prefixLength: expectNumber(cursor) } : token;
    case 'number':
      if (isOperator(cursor.peek(), '/') || isKeyword(cursor.peek(), 'mask')) throw maskedNumber(token, cursor.peek());
      return token;
    case 'name':
    case 'mac':
      return token;
    case 'link-address':
      throw unsupportedFault(token.span, 'an address of one byte is for ARCnet and MS/TP only');
    default:
      throw unexpected(token, 'a value');
  }
}

function maskedNumber({ text }: Token, { span }: Token) {
  return syntaxFault(
    span,
    'only an address with dots takes a mask',
    `${shortened(text)}.0.0.0/8, if the network of that number is meant`,
  );
}

function expectNumber(cursor: Cursor): number {
  const token = cursor.next();
  if (token.kind !== 'number') throw unexpected(token, 'the length of the network’s prefix', 'net 10.0.0.0/8');
  return token.value;
}

function expectIpv4(cursor: Cursor) {
  const token = cursor.next();
  if (token.kind !== 'ipv4') throw unexpected(token, 'an IPv4 mask', 'net 10.0.0.0 mask 255.0.0.0');
  return token;
}

function missingValue(token: Token, { type }: Qualifiers) {
  if (token.kind === 'keyword' && !['and', 'or', 'not', 'mask'].includes(token.word)) {
    return unexpected(
      token,
      `a value after “${type ?? 'host'}”`,
      `“${token.text}” is a word of the language; write \\${token.text} if it is meant as a name`,
    );
  }
  const examples = {
    host: 'host 10.0.0.7',
    net: 'net 10.0.0.0/8',
    port: 'port 443',
    portrange: 'portrange 8000-8080',
    proto: 'ip proto 89',
    protochain: 'ip6 protochain 6',
  };
  return unexpected(token, `a value after “${type ?? 'host'}”`, examples[type ?? 'host']);
}
