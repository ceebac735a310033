import type { Span } from '@bpfleet/errors';
import { syntaxFault } from '../fault.js';
import type { BinaryOperator } from '../ir/ir.js';
import type { Token } from '../lex/token.js';
import { type Cursor, isKeyword, isOperator, unexpected } from './cursor.js';
import { checkCalculation, checkNesting } from './nesting.js';
import type { Calculation, Relation } from './tree.js';
import { protocolWords } from './words.js';

/**
 * How tight libpcap's grammar binds its operators. `^` and `%` have no precedence there, so its parser always reads on:
 * they bind tighter than what stands in front and looser than what follows. `len % 7 - 2` is `len % (7 - 2)`, and
 * `len + 1 ^ 2` is `len + (1 ^ 2)`.
 */
const PRECEDENCE: Readonly<Record<string, number>> = {
  '|': 1,
  '&': 2,
  '<<': 3,
  '>>': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
};
const READS_ON: ReadonlySet<string> = new Set(['^', '%']);
const UNARY = 6;
const COMPARISONS: ReadonlyMap<string, Relation['comparison']> = new Map([
  ['=', '='],
  ['==', '='],
  ['!=', '!='],
  ['>', '>'],
  ['>=', '>='],
  ['<', '<'],
  ['<=', '<='],
]);

/** Whether a token goes on with a calculation, or compares it. */
export function continuesCalculation(token: Token): boolean {
  return (
    token.kind === 'operator' &&
    (token.operator in PRECEDENCE || READS_ON.has(token.operator) || COMPARISONS.has(token.operator))
  );
}

/** Whether a calculation begins here: a number or a parenthesis that a calculation follows, `len`, `-`, `tcp[`. */
export function startsCalculation(cursor: Cursor): boolean {
  const token = cursor.peek();
  if (token.kind === 'keyword') {
    return token.word === 'len' || (isOperator(cursor.peek(1), '[') && protocolWords.has(token.word));
  }
  if (token.kind === 'number') return continuesCalculation(cursor.peek(1));
  return isOperator(token, '-') || (isOperator(token, '(') && continuesCalculation(cursor.peekBehindGroup()));
}

/** `left > right`. */
export function readRelation(cursor: Cursor, depth: number): Relation {
  const left = readSide(cursor, depth);
  const sign = cursor.peek();
  const comparison = sign.kind === 'operator' ? COMPARISONS.get(sign.operator) : undefined;
  if (comparison === undefined) throw unexpected(sign, 'a comparison', 'for example: tcp[13] & 2 != 0, len > 100');
  cursor.next();
  const right = readSide(cursor, depth);
  const extra = cursor.peek();
  if (extra.kind === 'operator' && COMPARISONS.has(extra.operator)) {
    throw syntaxFault(extra.span, 'a comparison has two sides', 'join two comparisons by and: len > 60 and len < 100');
  }
  return { kind: 'relation', left, comparison, right, span: joinSpans(left.span, right.span) };
}

function readSide(cursor: Cursor, depth: number): Calculation {
  const before = cursor.position;
  const side = readCalculation(cursor, 0, depth);
  checkCalculation(cursor.position - before, side.span);
  return side;
}

function readCalculation(cursor: Cursor, binding: number, depth: number): Calculation {
  checkNesting(depth, cursor);
  let left = readOperand(cursor, depth);
  for (;;) {
    const token = cursor.peek();
    if (token.kind !== 'operator') return left;
    const precedence = PRECEDENCE[token.operator];
    const readsOn = READS_ON.has(token.operator);
    if (!readsOn && (precedence === undefined || precedence < binding)) return left;
    cursor.next();
    const operator = token.operator as BinaryOperator;
    const right = readCalculation(cursor, readsOn ? 0 : (precedence ?? 0) + 1, depth + 1);
    refuseImpossible(operator, right);
    left = { kind: 'binary', operator, left, right, span: joinSpans(left.span, right.span) };
  }
}

function readOperand(cursor: Cursor, depth: number): Calculation {
  checkNesting(depth, cursor);
  const token = cursor.next();
  const { span } = token;
  if (token.kind === 'number') return { kind: 'number', value: token.value, span };
  if (isKeyword(token, 'len')) return { kind: 'length', span };
  if (isOperator(token, '-')) {
    const operand = readCalculation(cursor, UNARY, depth + 1);
    return { kind: 'negate', operand, span: joinSpans(span, operand.span) };
  }
  if (isOperator(token, '(')) {
    const inside = readCalculation(cursor, 0, depth + 1);
    cursor.expectOperator(')', 'close the parenthesis');
    return inside;
  }
  if (token.kind === 'keyword' && protocolWords.has(token.word)) return readAccessor(cursor, token, depth);
  throw unexpected(token, 'a number, “len” or a place in the packet', 'for example: tcp[13], ip[2:2], len');
}

/** `[index]` or `[index:size]` behind a protocol. */
function readAccessor(cursor: Cursor, token: Extract<Token, { kind: 'keyword' }>, depth: number): Calculation {
  const hint = `${token.text}[13], ${token.text}[2:2]`;
  cursor.expectOperator('[', hint);
  const index = readCalculation(cursor, 0, depth + 1);
  const size = cursor.takeOperator(':') ? readSize(cursor, hint) : 1;
  cursor.expectOperator(']', hint);
  return { kind: 'accessor', protocol: token.word, index, size, span: cursor.spanFrom(token.span.start) };
}

function readSize(cursor: Cursor, hint: string): number {
  const token = cursor.next();
  if (token.kind !== 'number') throw unexpected(token, 'the number of bytes: 1, 2 or 4', hint);
  if (token.value !== 1 && token.value !== 2 && token.value !== 4) {
    throw syntaxFault(token.span, `one, two or four bytes can be read at once, not ${token.value}`, hint);
  }
  return token.value;
}

/** What can have no result whatever the packet, as libpcap refuses it. */
function refuseImpossible(operator: BinaryOperator, right: Calculation): void {
  if (right.kind !== 'number') return;
  if ((operator === '/' || operator === '%') && right.value === 0) throw syntaxFault(right.span, 'a division by zero');
  if ((operator === '<<' || operator === '>>') && right.value > 31) {
    throw syntaxFault(right.span, `a shift by ${right.value}; a number has 32 bits`, 'shift by 31 at most');
  }
}

function joinSpans(first: Span, last: Span): Span {
  return { start: first.start, end: last.end };
}
