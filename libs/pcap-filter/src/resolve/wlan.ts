import { syntaxFault } from '../fault.js';
import { shortened } from '../lex/lex.js';
import type { NumberOrName, WlanDirection, WlanFrame } from '../parse/tree.js';
import type { Meaning } from './meaning.js';

/** Frame control's first byte (IEEE 802.11, 9.2.4.1): bits 2-3 are the type, bits 4-7 the subtype. */
const TYPE_MASK = 0x0c;
const SUBTYPE_MASK = 0xf0;

const TYPES: ReadonlyMap<string, number> = new Map([
  ['mgt', 0x00],
  ['management', 0x00],
  ['ctl', 0x04],
  ['control', 0x04],
  ['data', 0x08],
]);

/** Subtypes by their type's bits, with libpcap's spellings. */
export const SUBTYPES: ReadonlyMap<number, ReadonlyMap<string, number>> = new Map([
  [
    0x00,
    subtypes(`0x00 assocreq assoc-req | 0x10 assocresp assoc-resp | 0x20 reassocreq reassoc-req
      0x30 reassocresp reassoc-resp | 0x40 probereq probe-req | 0x50 proberesp probe-resp | 0x80 beacon | 0x90 atim
      0xa0 disassoc disassociation | 0xb0 auth authentication | 0xc0 deauth deauthentication`),
  ],
  [
    0x04,
    subtypes('0x80 bar | 0x90 ba | 0xa0 ps-poll | 0xb0 rts | 0xc0 cts | 0xd0 ack | 0xe0 cf-end | 0xf0 cf-end-ack'),
  ],
  [
    0x08,
    subtypes(`0x00 data | 0x10 data-cf-ack | 0x20 data-cf-poll | 0x30 data-cf-ack-poll | 0x40 null | 0x50 cf-ack
      0x60 cf-poll | 0x70 cf-ack-poll | 0x80 qos-data | 0x90 qos-data-cf-ack | 0xa0 qos-data-cf-poll
      0xb0 qos-data-cf-ack-poll | 0xc0 qos | 0xe0 qos-cf-poll | 0xf0 qos-cf-ack-poll`),
  ],
]);

const DIRECTIONS: ReadonlyMap<string, number> = new Map([
  ['nods', 0],
  ['tods', 1],
  ['fromds', 2],
  ['dstods', 3],
]);

function subtypes(table: string): ReadonlyMap<string, number> {
  const rows = table.trim().split(/\s*[|\n]\s*/);
  return new Map(
    rows.flatMap((row) => {
      const [bits = '', ...names] = row.split(' ');
      return names.map((name) => [name, Number(bits)] as const);
    }),
  );
}

/** `type T`, `type T subtype S`, or `subtype S`, whose name tells the type too. */
export function resolveWlanFrame({ type, subtype, span }: WlanFrame): Meaning {
  if (type === undefined) {
    const value = subtype && anySubtype(subtype);
    if (value === undefined) throw unknown('802.11 subtype', subtype ?? { text: '', span }, 'subtype beacon');
    return { kind: 'wlan-frame', value, mask: TYPE_MASK | SUBTYPE_MASK, span };
  }
  const typeBits = type.kind === 'number' ? type.value : TYPES.get(type.name.toLowerCase());
  if (typeBits === undefined || (typeBits & ~TYPE_MASK) !== 0)
    throw unknown('802.11 type', type, 'type mgt, ctl or data');
  if (subtype === undefined) return { kind: 'wlan-frame', value: typeBits, mask: TYPE_MASK, span };
  const bits = subtype.kind === 'number' ? subtype.value : SUBTYPES.get(typeBits)?.get(subtype.name.toLowerCase());
  if (bits === undefined || (bits & ~SUBTYPE_MASK) !== 0) {
    throw unknown(`subtype of “type ${type.text}”`, subtype, 'type mgt subtype beacon');
  }
  return { kind: 'wlan-frame', value: typeBits | bits, mask: TYPE_MASK | SUBTYPE_MASK, span };
}

function anySubtype(subtype: NumberOrName): number | undefined {
  if (subtype.kind === 'number') return undefined;
  for (const [type, table] of SUBTYPES) {
    const bits = table.get(subtype.name.toLowerCase());
    if (bits !== undefined) return type | bits;
  }
  return undefined;
}

export function resolveWlanDirection({ direction, span }: WlanDirection): Meaning {
  const bits = direction.kind === 'number' ? direction.value : DIRECTIONS.get(direction.name.toLowerCase());
  if (bits === undefined) throw unknown('802.11 direction', direction, 'dir nods, tods, fromds or dstods');
  return { kind: 'wlan-direction', direction: bits, span };
}

function unknown(what: string, { text, span }: Pick<NumberOrName, 'text' | 'span'>, hint: string) {
  return syntaxFault(span, `“${shortened(text)}” is no ${what}`, hint);
}
