import { BpfleetError } from '@bpfleet/errors';
import { syntaxFault } from '../fault.js';
import { readDottedQuad } from '../lex/addresses.js';
import { lex, shortened } from '../lex/lex.js';
import { joined, type Logic, leafOf } from '../logic.js';
import { Cursor } from '../parse/cursor.js';
import { withMask } from '../parse/single-value.js';
import type { Primitive, Value, ValueSet } from '../parse/tree.js';
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
  const addresses = items.filter(isAddress);
  const others = addresses.length === 0 ? items : items.filter((value) => !isAddress(value));
  const one = (value: Item) => blamingValue(value, () => resolveOne(ofItem(primitive, value)));
  const parts = [...addressesAsOne(addresses, one), ...others.map(one)];
  if (parts.length === 0) throw syntaxFault(primitive.span, 'the set is empty, so nothing can be in it');
  return joined('or', parts);
}

/** In a list of thousands the fault is at one of them. */
function blamingValue<Result>({ span }: Item, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof BpfleetError) || error.code !== 'FILTER_SYNTAX') throw error;
    throw syntaxFault(span, error.message, error.hint);
  }
}

type Ipv4 = Extract<Item, { kind: 'ipv4' }>;

function isAddress(value: Item): value is Ipv4 {
  return value.kind === 'ipv4' && value.bits === 32 && value.prefixLength === undefined && value.mask === undefined;
}

/** Of a hundred thousand addresses all but the number is the same: one is resolved, and the others join its list. */
function addressesAsOne(addresses: readonly Ipv4[], one: (value: Item) => Logic<Meaning>): Logic<Meaning>[] {
  const [first, ...more] = addresses;
  if (first === undefined) return [];
  const resolved = one(first);
  const canJoin =
    resolved.kind === 'leaf' && resolved.leaf.kind === 'host4' && resolved.leaf.direction !== 'src and dst';
  if (!canJoin) return [resolved, ...more.map(one)];
  const networks = addresses.map(({ address }) => ({ address, mask: 0xffff_ffff }));
  return [leafOf({ ...resolved.leaf, networks } as Meaning)];
}

/** One value of a set under its qualifiers; what says itself that it is a network or a range is read so. */
export function ofItem({ kind, qualifiers, span }: Primitive, value: Item): Primitive {
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
    const address = readDottedQuad(text);
    if (address !== undefined) return { kind: 'ipv4', text, span, address, bits: 32 };
    try {
      const value = valueIn(text);
      if (value !== undefined) return { ...value, span };
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      // Its own span is of the value, which does not stand in the expression.
      throw syntaxFault(span, `the list “${name}” holds “${shortened(text)}”: ${error.message}`, error.hint);
    }
    throw syntaxFault(span, `the list “${name}” holds “${shortened(text)}”, which is no value`);
  });
}

/** Undefined for anything but one value. */
function valueIn(text: string): Item | undefined {
  const cursor = new Cursor(lex(text));
  const token = cursor.next();
  if (!['name', 'number', 'ipv4', 'ipv6', 'mac'].includes(token.kind)) return undefined;
  const value = withMask(cursor, token);
  return cursor.peek().kind === 'end' ? value : undefined;
}
