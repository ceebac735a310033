import { type Cursor, isOperator, unexpected } from './cursor.js';
import { startsValue, withMask } from './single-value.js';
import type { Primitive, Qualifiers, Value, ValueSet } from './tree.js';

/** Of a set's values, in messages and printed trees. */
const SHOWN = 8;
const HINT = 'host in {10.0.0.1, 10.1.0.0/16, @list}, port in {80, 443, 8000-8080}';

/** `in {`: to libpcap a host called “in” and a character it does not know. */
export function startsSet(cursor: Cursor): boolean {
  const token = cursor.peek();
  return token.kind === 'name' && token.name === 'in' && isOperator(cursor.peek(1), '{');
}

/** `in {a, b, @list}` under `qualifiers`; the cursor stands at `in`. */
export function readSet(cursor: Cursor, qualifiers: Qualifiers): Primitive {
  const { start } = cursor.next().span;
  cursor.next();
  const items: Exclude<Value, ValueSet>[] = [];
  const lists: ValueSet['lists'][number][] = [];
  do {
    if (cursor.takeOperator('@')) lists.push(readListName(cursor));
    else items.push(readItem(cursor));
  } while (cursor.takeOperator(','));
  cursor.expectOperator('}', HINT);
  const span = { start, end: cursor.peek(-1).span.end };
  const shown = [...items.slice(0, SHOWN).map((item) => item.text), ...lists.map(({ name }) => `@${name}`)];
  const text = `in {${shown.join(', ')}${items.length > SHOWN ? ', …' : ''}}`;
  return { kind: 'primitive', qualifiers, value: { kind: 'set', items, lists, text }, span };
}

function readItem(cursor: Cursor): Exclude<Value, ValueSet> {
  const token = cursor.peek();
  if (!startsValue(token) || token.kind === 'link-address') throw unexpected(token, 'a value of the set', HINT);
  cursor.next();
  return withMask(cursor, token);
}

function readListName(cursor: Cursor): ValueSet['lists'][number] {
  const token = cursor.next();
  if (token.kind !== 'name') throw unexpected(token, 'the name of a list', 'host in {@threat-list}');
  return token;
}
