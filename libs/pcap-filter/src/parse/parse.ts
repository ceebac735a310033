import { syntaxFault, unsupportedFault } from '../fault.js';
import { shortened } from '../lex/lex.js';
import type { Token } from '../lex/token.js';
import { type Link, type Logic, leafOf } from '../logic.js';
import { Cursor, isKeyword, isOperator, unexpected } from './cursor.js';
import { continuesHead, readHead } from './head.js';
import { checkNesting } from './nesting.js';
import type { Qualifiers, Term, Tree } from './tree.js';
import { readValue, startsValue } from './values.js';
import { relationOperators, supportedProtocols, unsupportedProtocols, unsupportedTerms } from './words.js';

/**
 * Builds the syntax tree by libpcap's grammar: `and` and `or` bind alike and to the left, `not` binds tighter, and a
 * bare value behind `and` or `or` takes over the qualifiers of the term in front of it.
 * @throws BpfleetError `FILTER_SYNTAX`, `FILTER_UNSUPPORTED` or `FILTER_TOO_LARGE`, with the span
 */
export function parse(tokens: readonly Token[]): Tree {
  const cursor = new Cursor(tokens);
  if (cursor.peek().kind === 'end') return undefined;
  const { logic } = readExpression(cursor, undefined, 0);
  const rest = cursor.peek();
  if (rest.kind === 'end') return logic;
  refuseRelation(cursor);
  throw isOperator(rest, ')')
    ? syntaxFault(rest.span, 'this parenthesis closes nothing', 'remove it, or open one before')
    : unexpected(rest, '“and”, “or” or the end', 'join terms by and: tcp port 80 and host 10.0.0.7');
}

/** An expression and the qualifiers that a bare value behind it takes over; none behind `tcp` or `less 100`. */
interface Read {
  readonly logic: Logic<Term>;
  readonly qualifiers: Qualifiers | undefined;
}

function readExpression(cursor: Cursor, inherited: Qualifiers | undefined, depth: number): Read {
  const first = readTerm(cursor, inherited, depth);
  let { qualifiers } = first;
  const rest: Link<Term>[] = [];
  for (;;) {
    const operator = cursor.takeKeyword('and', 'or');
    if (operator === undefined) break;
    const operand = readOperand(cursor, qualifiers, depth);
    rest.push({ operator: operator as Link<Term>['operator'], operand: operand.logic });
    qualifiers = operand.qualifiers;
  }
  return { logic: rest.length === 0 ? first.logic : { kind: 'chain', first: first.logic, rest }, qualifiers };
}

/** Behind `and` or `or`: a term, or a value that takes over qualifiers, which the first word inside tells. */
function readOperand(cursor: Cursor, inherited: Qualifiers | undefined, depth: number): Read {
  if (inherited === undefined || !startsValue(cursor.peekCore())) return readTerm(cursor, inherited, depth);
  const logic = readValue(cursor, inherited, depth);
  refuseRelation(cursor);
  return { logic, qualifiers: inherited };
}

function readTerm(cursor: Cursor, inherited: Qualifiers | undefined, depth: number): Read {
  checkNesting(depth, cursor);
  if (cursor.takeKeyword('not')) {
    const { logic, qualifiers } = readTerm(cursor, inherited, depth + 1);
    return { logic: { kind: 'not', operand: logic }, qualifiers };
  }
  if (cursor.takeOperator('(')) {
    const { logic } = readExpression(cursor, inherited, depth + 1);
    refuseRelation(cursor);
    cursor.expectOperator(')', 'close the parenthesis');
    return { logic, qualifiers: inherited };
  }
  return readPrimary(cursor);
}

function readPrimary(cursor: Cursor): Read {
  const token = cursor.peek();
  const start = token.span.start;
  if (continuesHead(cursor)) return readQualified(cursor, undefined, start);
  if (token.kind !== 'keyword') throw bareValue(cursor, token);
  const { word } = token;
  if (unsupportedTerms.has(word) || unsupportedProtocols.has(word))
    throw unsupportedFault(token.span, `“${token.text}”`);
  if (word === 'less' || word === 'greater') return readLengthLimit(cursor, word);
  if (!supportedProtocols.has(word)) {
    if (/^(icmp6?|tcp)/.test(word)) throw unsupportedFault(token.span, `“${token.text}” in a comparison`);
    throw unexpected(token, 'a term', 'for example: tcp port 80, host 10.0.0.7, net 10.0.0.0/8, udp');
  }
  cursor.next();
  if (continuesHead(cursor)) return readQualified(cursor, word, start);
  if (isOperator(cursor.peek(), '[')) throw unsupportedFault(cursor.peek().span, `“${token.text}[…]”`);
  if (isKeyword(cursor.peek(), 'broadcast', 'multicast')) {
    throw unsupportedFault(cursor.peek().span, `“${token.text} ${cursor.peek().text}”`);
  }
  if (word === 'ether') {
    throw syntaxFault(token.span, `“${token.text}” needs an address behind it`, 'ether host 00:11:22:aa:bb:cc');
  }
  return { logic: leafOf({ kind: 'abbreviation', protocol: word, span: token.span }), qualifiers: undefined };
}

function readQualified(cursor: Cursor, protocol: string | undefined, start: number): Read {
  const qualifiers = readHead(cursor, protocol, start);
  return { logic: readValue(cursor, qualifiers, 0), qualifiers };
}

function readLengthLimit(cursor: Cursor, limit: 'less' | 'greater'): Read {
  const { start } = cursor.next().span;
  const number = cursor.next();
  if (number.kind !== 'number') throw unexpected(number, `a number of bytes after “${limit}”`, `${limit} 128`);
  const span = { start, end: number.span.end };
  return { logic: leafOf({ kind: 'length', limit, bytes: number.value, span }), qualifiers: undefined };
}

/** A number, name or address where a term must begin. */
function bareValue(cursor: Cursor, token: Token) {
  if (isOperator(token, '-')) return unsupportedFault(token.span, 'a calculation with “-”');
  if (token.kind === 'number') {
    cursor.next();
    refuseRelation(cursor);
  }
  if (!startsValue(token)) {
    return unexpected(token, 'a term', 'for example: tcp port 80, host 10.0.0.7, net 10.0.0.0/8, udp');
  }
  return syntaxFault(
    token.span,
    `“${shortened(token.text)}” needs a word in front that says what it is`,
    `${token.kind === 'number' ? 'port' : token.kind === 'mac' ? 'ether host' : 'host'} ${shortened(token.text)}`,
  );
}

/** `len > 100`, `tcp[13] = 2`: comparisons are of the language, but not of this compiler yet. */
function refuseRelation(cursor: Cursor): void {
  let ahead = 0;
  while (isOperator(cursor.peek(ahead), ')')) ahead++;
  const token = cursor.peek(ahead);
  if (token.kind === 'operator' && relationOperators.has(token.operator)) {
    throw unsupportedFault(token.span, `a comparison or calculation with “${token.text}”`);
  }
}
