import { syntaxFault, unsupportedFault } from '../fault.js';
import { shortened } from '../lex/lex.js';
import type { Token } from '../lex/token.js';
import { type Link, type Logic, leafOf } from '../logic.js';
import { continuesCalculation, readRelation, startsCalculation } from './arithmetic.js';
import { Cursor, isOperator, meant, unexpected } from './cursor.js';
import { continuesHead, readHead } from './head.js';
import { checkNesting } from './nesting.js';
import { beginsOtherTerm, readOtherTerm, readWlanTerm } from './other-terms.js';
import { similarWord } from './similar-word.js';
import { startsValue } from './single-value.js';
import type { Qualifiers, Term, Tree } from './tree.js';
import { readValue } from './values.js';
import { foreignTerms, OPERATORS, protocolWords } from './words.js';

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
  if (rest.kind !== 'end') throw unread(cursor);
  return logic;
}

function unread(cursor: Cursor) {
  const rest = cursor.peek();
  return isOperator(rest, ')')
    ? syntaxFault(rest.span, 'this parenthesis closes nothing', 'remove it, or open one before')
    : unexpected(
        rest,
        '“and”, “or” or the end',
        typeLeftOut(cursor) ?? 'join terms by and: tcp port 80 and host 10.0.0.7',
      );
}

/** `tcp 80`, `ip 10.0.0.7`: what was meant, where a value stands right behind a protocol. */
function typeLeftOut(cursor: Cursor): string | undefined {
  const [{ kind, text }, value] = [cursor.peek(-1), cursor.peek()];
  if (kind !== 'keyword' || !startsValue(value)) return undefined;
  const isAddress = value.kind === 'ipv4' || value.kind === 'ipv6';
  if (WITH_PORTS.includes(text)) return `${text} ${isAddress ? 'and host' : 'port'} ${shortened(value.text)}`;
  return isAddress && WITH_HOSTS.includes(text) ? `${text} host ${shortened(value.text)}` : undefined;
}

const WITH_PORTS: readonly string[] = ['tcp', 'udp', 'sctp'];
const WITH_HOSTS: readonly string[] = ['ip', 'ip6', 'arp', 'rarp'];

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
    const operator = cursor.takeOneOf(OPERATORS);
    if (operator === undefined) break;
    const operand = readOperand(cursor, qualifiers, depth);
    rest.push({ operator, operand: operand.logic });
    qualifiers = operand.qualifiers;
  }
  return { logic: rest.length === 0 ? first.logic : { kind: 'chain', first: first.logic, rest }, qualifiers };
}

/** Behind `and` or `or`: a term, or a value that takes over qualifiers, which the first word inside tells. */
function readOperand(cursor: Cursor, inherited: Qualifiers | undefined, depth: number): Read {
  const isValue = inherited !== undefined && startsValue(cursor.peekCore()) && !isCalculated(cursor);
  if (!isValue) return readTerm(cursor, inherited, depth);
  return { logic: readValue(cursor, inherited, depth), qualifiers: inherited };
}

/** Whether the number behind all `(` and `not` begins a calculation: `port 80 or (5 + 1) = len`. */
function isCalculated(cursor: Cursor): boolean {
  if (cursor.peekCore().kind !== 'number') return false;
  let ahead = 0;
  while (cursor.peek(ahead) !== cursor.peekCore()) ahead++;
  if (continuesCalculation(cursor.peek(ahead + 1))) return true;
  return isOperator(cursor.peek(), '(') && continuesCalculation(cursor.peekBehindGroup());
}

function readTerm(cursor: Cursor, inherited: Qualifiers | undefined, depth: number): Read {
  checkNesting(depth, cursor);
  if (cursor.takeKeyword('not')) {
    const { logic, qualifiers } = readTerm(cursor, inherited, depth + 1);
    return { logic: { kind: 'not', operand: logic }, qualifiers };
  }
  if (startsCalculation(cursor)) return alone(readRelation(cursor, depth));
  if (cursor.takeOperator('(')) {
    const { logic } = readExpression(cursor, inherited, depth + 1);
    cursor.expectOperator(')', typeLeftOut(cursor) ?? 'close the parenthesis');
    return { logic: inParentheses(logic), qualifiers: inherited };
  }
  return readPrimary(cursor);
}

/** Parentheses around one term, denied or not, say nothing, but for those that may end what it moves (`scopedEncapsulation`). */
function inParentheses(logic: Logic<Term>): Logic<Term> {
  let term = logic;
  while (term.kind === 'not') term = term.operand;
  const movesOthers = term.kind === 'leaf' && term.leaf.kind === 'numbered';
  return movesOthers ? { kind: 'chain', first: logic, rest: [] } : logic;
}

/** A term whose words nobody behind it takes over. */
function alone(term: Term): Read {
  return { logic: leafOf(term), qualifiers: undefined };
}

function readPrimary(cursor: Cursor): Read {
  const token = cursor.peek();
  if (continuesHead(token)) return readQualified(cursor, undefined, token.span.start);
  if (token.kind !== 'keyword') throw bareValue(token);
  const { word } = token;
  if (protocolWords.has(word)) return readBehindProtocol(cursor, token);
  return alone(beginsOtherTerm(word) ? readOtherTerm(cursor, word) : readRareTerm(cursor, token));
}

type Keyword = Extract<Token, { kind: 'keyword' }>;

/** A protocol and what belongs to it; the cursor stands at the protocol. */
function readBehindProtocol(cursor: Cursor, token: Keyword): Read {
  const { word, span } = token;
  cursor.next();
  const behind = cursor.peek();
  if (continuesHead(behind)) return readQualified(cursor, word, span.start);
  if (beginsFrameTerm(behind)) return alone(readFrameTerm(cursor, word, span.start));
  if (word === 'ether' || word === 'radio') throw lonely(token);
  return alone({ kind: 'abbreviation', protocol: word, span });
}

function lonely({ word, text, span }: Keyword) {
  const hint = word === 'ether' ? 'ether host 00:11:22:aa:bb:cc' : 'radio[0] = 0';
  return syntaxFault(span, `“${text}” alone says nothing; something must stand behind it`, hint);
}

const CASTS = ['broadcast', 'multicast'] as const;
const FRAME_WORDS: ReadonlySet<string> = new Set([...CASTS, 'type', 'subtype', 'direction']);

/** Whether the word asks for a kind of frames; it may stand alone or behind a protocol. */
function beginsFrameTerm(token: Token): boolean {
  return token.kind === 'keyword' && FRAME_WORDS.has(token.word);
}

function readFrameTerm(cursor: Cursor, protocol: string | undefined, start: number): Term {
  const cast = cursor.takeOneOf(CASTS);
  if (cast === undefined) return readWlanTerm(cursor, start);
  return { kind: 'cast', cast, span: cursor.spanFrom(start), ...(protocol !== undefined && { protocol }) };
}

function readRareTerm(cursor: Cursor, token: Keyword): Term {
  const { word, span } = token;
  const home = foreignTerms.get(word);
  if (home !== undefined) throw unsupportedFault(span, `“${token.text}” is for ${home} only`);
  if (word === 'less' || word === 'greater') return readLengthLimit(cursor, word);
  if (beginsFrameTerm(token)) return readFrameTerm(cursor, undefined, span.start);
  throw unexpected(token, 'a term', 'for example: tcp port 80, host 10.0.0.7, net 10.0.0.0/8, udp');
}

function readQualified(cursor: Cursor, protocol: string | undefined, start: number): Read {
  const qualifiers = readHead(cursor, protocol, start);
  return { logic: readValue(cursor, qualifiers, 0), qualifiers };
}

function readLengthLimit(cursor: Cursor, limit: 'less' | 'greater'): Term {
  const { start } = cursor.next().span;
  const number = cursor.next();
  if (number.kind !== 'number') throw unexpected(number, `a number of bytes after “${limit}”`, `${limit} 128`);
  return { kind: 'length', limit, bytes: number.value, span: cursor.spanFrom(start) };
}

/** A number, name or address where a term must begin. */
function bareValue(token: Token) {
  if (!startsValue(token)) {
    return unexpected(token, 'a term', 'for example: tcp port 80, host 10.0.0.7, net 10.0.0.0/8, udp');
  }
  const similar = token.kind === 'name' ? similarWord(token.name) : undefined;
  return syntaxFault(
    token.span,
    `“${shortened(token.text)}” needs a word in front that says what it is`,
    similar !== undefined
      ? meant(similar)
      : `${token.kind === 'number' ? 'port' : token.kind === 'mac' ? 'ether host' : 'host'} ${shortened(token.text)}`,
  );
}
