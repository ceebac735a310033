import { hasEtherTypes } from '../link-types.js';
import type { Writer } from './writer.js';

/** Protocols whose bytes `proto[…]` reads. */
export const accessors = [
  'ether',
  'link',
  'wlan',
  'ppp',
  'ip',
  'ip6',
  'arp',
  'rarp',
  'tcp',
  'udp',
  'sctp',
  'icmp',
  'icmp6',
  'igmp',
  'igrp',
  'pim',
  'vrrp',
  'carp',
] as const;
/** Of tier 3. */
export const rareAccessors = ['atalk', 'decnet', 'lat', 'sca', 'moprc', 'mopdl'] as const;
export const relations = ['=', '==', '!=', '>', '>=', '<', '<='] as const;
export const operators = ['+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>'] as const;

/** Fields with names, and the names of what stands there. */
const NAMED = {
  'icmp[icmptype]': ['icmp-echo', 'icmp-echoreply', 'icmp-unreach', 'icmp-timxceed', 'icmp-redirect', 'icmp-maskreply'],
  'icmp[icmpcode]': ['0', '1', '4'],
  'icmp6[icmp6type]': ['icmp6-echo', 'icmp6-neighborsolicit', 'icmp6-routeradvert', 'icmp6-packettoobig'],
  'icmp6[icmp6code]': ['0', '2'],
  'tcp[tcpflags]': ['tcp-syn', 'tcp-fin', 'tcp-ack', 'tcp-rst', 'tcp-push', 'tcp-urg', 'tcp-ece', 'tcp-cwr'],
} as const;

/** `ip[0] & 0xf = 5`, `tcp[13] & tcp-syn != 0`, `len > 100`. */
export function relation(w: Writer): string {
  const relop = w.variant('45 relation', relations);
  if (w.chance(30)) return namedRelation(w, relop);
  if (w.chance(8)) return besideSettled(w, relop);
  if (w.fields.length > 0 && w.chance(25)) return maskedAgain(w, relop);
  const left = w.chance(12) ? length(w) : amount(w, w.of([0, 1, 1, 2, 3]));
  const right = w.chance(75) ? constantFor(w, left) : amount(w, w.of([0, 1, 2]));
  return w.chance(90) ? `${left} ${relop} ${right}` : `${right}${relop}${left}`;
}

function namedRelation(w: Writer, relop: string): string {
  const field = w.variant('1.8 named field', Object.keys(NAMED) as (keyof typeof NAMED)[]);
  const name = w.variant('1.8 named value', NAMED[field]);
  if (field !== 'tcp[tcpflags]') return `${field} ${relop} ${name}`;
  const both = `(${name}|${w.variant('1.8 named value', NAMED[field])})`;
  return `${field} & ${w.of([name, both])} ${relop} ${w.of(['0', '0', name, both])}`;
}

export const SETTLED = '45 relation settled by size';

/** A byte whose size settles the answer, and the one in front of it: the first load stays, and reaches one byte further. */
function besideSettled(w: Writer, relop: string): string {
  const protocol = w.of(['ether', 'ip', 'ip6', 'tcp', 'udp']);
  const offset = 1 + w.below(20);
  const settled = w.note(SETTLED, `${protocol}[${offset}] <= 255`);
  return `(${settled} and ${protocol}[${offset - 1}] ${relop} ${w.of([0, 1, w.below(256)])})`;
}

/** Of a field that was asked for before, other bits: a compiler may have it in a register, under a mask or not. */
function maskedAgain(w: Writer, relop: string): string {
  const mask = constantOf(w, w.note('46 operator &', '&'));
  return `${w.of(w.fields)} & ${mask} ${relop} ${w.of(['0', '0', mask, constantFor(w, '& 0xf ')])}`;
}

/** An arithmetic expression that reads the packet. */
function amount(w: Writer, depth: number): string {
  if (depth === 0) return w.chance(8) ? length(w) : accessor(w, 1);
  if (w.chance(6)) return w.note('46 negation', `-${w.chance(50) ? accessor(w, 1) : `(${amount(w, depth - 1)})`}`);
  const operator = w.variant('46 operator', operators);
  const left = amount(w, depth - 1);
  const inner = w.chance(30) ? `(${left})` : left;
  return w.chance(75)
    ? `${inner} ${operator} ${constantOf(w, operator)}`
    : `${w.chance(30) ? w.below(300) : inner} ${operator} ${w.chance(70) ? accessor(w, 1) : `(${amount(w, depth - 1)})`}`;
}

function length(w: Writer): string {
  return w.note('47 len', w.of(['len', 'length']));
}

function accessor(w: Writer, depth: number): string {
  if (w.fields.length > 0 && w.chance(15)) return w.of(w.fields);
  const field = newAccessor(w, depth);
  w.fields.push(field);
  return field;
}

function newAccessor(w: Writer, depth: number): string {
  const protocol = w.chance(16) ? w.variant('48 accessor (tier 3)', rareAccessors) : chosenAccessor(w);
  const size = w.variant('48 size', ['', ':1', ':2', ':4']);
  if (depth > 0 && w.chance(15)) {
    const index = w.of([
      accessor(w, 0),
      `${accessor(w, 0)} & 0xf`,
      `(${accessor(w, 0)} & 0xf0) >> 2`,
      `len - ${w.below(40)}`,
      `${accessor(w, 0)} + ${w.below(20)}`,
      `(${accessor(w, 0)} & 0xf) + ${w.below(20)}`,
    ]);
    return w.note('48 computed index', `${protocol}[${index}${size}]`);
  }
  return `${protocol}[${w.number(w.of([0, 0, 1, 2, 3, 4, 6, 8, 9, 12, 13, 14, 16, w.below(40)]))}${size}]`;
}

function chosenAccessor(w: Writer): string {
  // `radio` exists on one link type, and there only it reads the radiotap header.
  if (w.form.linkType === 'IEEE802_11_RADIO' && w.chance(35)) return w.variant('48 accessor', ['radio']);
  if (!hasEtherTypes(w.form) && w.chance(50)) return w.variant('48 accessor', ['ip', 'ip6', 'tcp', 'udp', 'icmp']);
  return w.variant('48 accessor', accessors);
}

/** Never one that libpcap refuses: a division by 0; distances of 32 and more mean other things to it than to the kernel. */
function constantOf(w: Writer, operator: string): string {
  switch (operator) {
    case '<<':
    case '>>':
      return w.number(w.of([1, 2, 4, 8, w.below(32)]));
    case '/':
    case '%':
    case '*':
      return w.number(1 + w.below(16));
    case '&':
      return w.of(['0xf', '0xf0', '0xff', '0x1fff', '7', '1', '0xfffffff0', w.number(w.below(256))]);
    default:
      return w.number(w.of([0, 1, 2, 4, 20, w.below(256), w.below(65536)]));
  }
}

/** Of the size that the left side reads, so that equality can hold. */
function constantFor(w: Writer, left: string): string {
  const limit = left.includes('& 0xf ') ? 16 : left.includes(':4') ? 2 ** 32 : left.includes(':2') ? 65536 : 256;
  if (w.chance(4)) return `-${w.below(20)}`;
  return w.number(w.of([0, 1, 5, 0x45 % limit, w.below(limit), w.below(limit), limit - 1]));
}
