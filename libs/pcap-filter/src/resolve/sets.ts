import { syntaxFault } from '../fault.js';
import { lex } from '../lex/lex.js';
import { joined, type Logic } from '../logic.js';
import { Cursor } from '../parse/cursor.js';
import type { Primitive, Value, ValueSet } from '../parse/tree.js';
import { withMask } from '../parse/values.js';
import type { Meaning } from './meaning.js';
import type { NameResolver } from './names.js';

type Item = Exclude<Value, ValueSet>;

/**
 * A set as alternatives, one of each value; `joinLists` makes one list of them. An address with a prefix is a network
 * also behind `host`.
 */
export function resolveSet(
  primitive: Primitive,
  set: ValueSet,
  names: NameResolver,
  resolveOne: (primitive: Primitive) => Logic<Meaning>,
): Logic<Meaning> {
  const items = [...set.items, ...set.lists.flatMap((list) => listOf(list.name, primitive, names))];
  const [first, ...more] = items.map((value) => resolveOne(ofItem(primitive, value)));
  if (first === undefined) throw syntaxFault(primitive.span, 'the set is empty, so nothing can be in it');
  return joined('or', first, more);
}

function ofItem({ kind, qualifiers, span }: Primitive, value: Item): Primitive {
  const isNetwork = 'prefixLength' in value && value.prefixLength !== undefined;
  const isHost = qualifiers.type === undefined || qualifiers.type === 'host';
  if (isNetwork && isHost) return { kind, qualifiers: { ...qualifiers, type: 'net' }, value, span };
  const isRange = value.kind === 'name' && /^\d+-\d+$/.test(value.name);
  if (isRange && qualifiers.type === 'port') {
    return { kind, qualifiers: { ...qualifiers, type: 'portrange' }, value, span };
  }
  return { kind, qualifiers, value, span };
}

function listOf(name: string, { span }: Primitive, names: NameResolver): Item[] {
  const texts = names.set(name);
  if (texts === undefined) throw syntaxFault(span, `there is no list “${name}”`, 'give it in the table of sets');
  return texts.map((text) => {
    const tokens = lex(text);
    const cursor = new Cursor(tokens);
    const token = cursor.next();
    const isValue = ['name', 'number', 'ipv4', 'ipv6', 'mac'].includes(token.kind);
    const value = isValue ? withMask(cursor, token) : undefined;
    if (value === undefined || cursor.peek().kind !== 'end') {
      throw syntaxFault(span, `the list “${name}” holds “${text}”, which is no value`);
    }
    return value;
  });
}
