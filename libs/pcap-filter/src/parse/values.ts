import type { Token } from '../lex/token.js';
import { type Link, type Logic, leafOf } from '../logic.js';
import { type Cursor, isOperator, unexpected } from './cursor.js';
import { checkNesting } from './nesting.js';
import { readSet, startsSet } from './sets.js';
import { startsValue, withMask } from './single-value.js';
import type { Primitive, Qualifiers, Term } from './tree.js';
import { OPERATORS } from './words.js';

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
