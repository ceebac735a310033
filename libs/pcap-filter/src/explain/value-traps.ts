import type { Primitive } from '../parse/tree.js';
import type { NameResolver } from '../resolve/names.js';
import { readPorts } from '../resolve/ports.js';
import { ofItem } from '../resolve/sets.js';
import type { Note } from './trap.js';

/** What surprises people about a value under its qualifiers; of a set, about each in it. */
export function valueTraps(primitive: Primitive, names: NameResolver, note: Note): void {
  const { value, qualifiers } = primitive;
  if (value.kind === 'set') {
    for (const item of value.items) valueTraps({ ...ofItem(primitive, item), span: item.span }, names, note);
    return;
  }
  switch (qualifiers.type) {
    case 'port':
    case 'portrange':
      portTraps(primitive, names, note);
      break;
    case 'net':
      netTraps(primitive, note);
      break;
    case 'host':
    case undefined:
      hostTraps(primitive, note);
  }
}

function portTraps(primitive: Primitive, names: NameResolver, note: Note): void {
  const { value, qualifiers, span } = primitive;
  const { low, high, protocols } = readPorts(primitive, names);
  if (low.port > high.port) note('PORTRANGE_TURNED', span, `portrange ${value.text.split('-').reverse().join('-')}`);
  if (qualifiers.protocol === undefined && protocols.length === 1) {
    const ports = low.port === high.port ? `port ${low.port}` : `portrange ${low.port}-${high.port}`;
    note('SERVICE_OF_ONE_PROTOCOL', span, `${ports}, over whatever has ports`);
  }
}

function netTraps({ value, span }: Primitive, note: Note): void {
  if (value.kind === 'number') note('NET_OF_NUMBER', span);
  if ((value.kind !== 'ipv4' && value.kind !== 'ipv6') || value.prefixLength !== undefined) return;
  if (value.kind === 'ipv4' && (value.mask !== undefined || value.bits < 32)) return;
  const zeros = value.kind === 'ipv4' ? zeroBits([value.address], 8) : zeroBits(value.words, 16);
  const bits = value.kind === 'ipv4' ? 32 : 128;
  if (zeros > 0) note('NET_OF_ADDRESS', span, `net ${value.text}/${bits - zeros}`);
}

/** How many bits of an address are zero at its end, in whole parts as it is written. */
function zeroBits(words: readonly number[], partBits: 8 | 16): number {
  const trailing = words.findLastIndex((word) => word !== 0);
  const behind = 32 * (words.length - 1 - trailing);
  const last = words[trailing];
  if (last === undefined) return behind;
  const lowest = 31 - Math.clz32(last & -last);
  return behind + lowest - (lowest % partBits);
}

/** Numbers that are written as addresses have all their parts. */
const LEAST_ADDRESS = 2 ** 24;

function hostTraps({ value, qualifiers, span }: Primitive, note: Note): void {
  // An area and a node.
  if (qualifiers.protocol === 'decnet') return;
  if (value.kind === 'ipv4' && value.bits < 32) note('HOST_OF_NETWORK', span, `net ${value.text}`);
  if (value.kind !== 'number' || value.value >= LEAST_ADDRESS) return;
  note('HOST_OF_NUMBER', span, value.value < 256 ? `net ${value.value}` : 'all four parts of the address');
}
