import { syntaxFault, unsupportedFault } from '../fault.js';
import { shortened } from '../lex/lex.js';
import type { Abbreviation, Primitive } from '../parse/tree.js';
import { LinkProtocol, type Meaning } from './meaning.js';
import type { NameResolver } from './names.js';
import { SCTP, TCP, UDP } from './services.js';

const BOTH: readonly ('ip' | 'ip6')[] = ['ip', 'ip6'];

/** What a protocol's name alone matches. `icmp` is IPv4's and `icmp6` IPv6's; the others are looked for in both. */
const ABBREVIATIONS: Readonly<Record<string, Meaning>> = {
  ip: { kind: 'link-protocol', protocol: LinkProtocol.ip },
  ip6: { kind: 'link-protocol', protocol: LinkProtocol.ip6 },
  arp: { kind: 'link-protocol', protocol: LinkProtocol.arp },
  rarp: { kind: 'link-protocol', protocol: LinkProtocol.rarp },
  tcp: { kind: 'transport', over: BOTH, number: TCP },
  udp: { kind: 'transport', over: BOTH, number: UDP },
  sctp: { kind: 'transport', over: BOTH, number: SCTP },
  ah: { kind: 'transport', over: BOTH, number: 51 },
  esp: { kind: 'transport', over: BOTH, number: 50 },
  pim: { kind: 'transport', over: BOTH, number: 103 },
  icmp: { kind: 'transport', over: ['ip'], number: 1 },
  icmp6: { kind: 'transport', over: ['ip6'], number: 58 },
  igmp: { kind: 'transport', over: ['ip'], number: 2 },
  igrp: { kind: 'transport', over: ['ip'], number: 9 },
  vrrp: { kind: 'transport', over: ['ip'], number: 112 },
  carp: { kind: 'transport', over: ['ip'], number: 112 },
};

export function resolveAbbreviation({ protocol, span }: Abbreviation): Meaning {
  const meaning = ABBREVIATIONS[protocol];
  if (meaning === undefined) throw unsupportedFault(span, `“${protocol}”`);
  return meaning;
}

/** `ip proto 89`, `ip6 proto \\udp`, `proto 47`. */
export function resolveProtocolNumber(primitive: Primitive, names: NameResolver): Meaning {
  const { qualifiers, value, span } = primitive;
  const { protocol } = qualifiers;
  if (protocol === 'ether') throw unsupportedFault(qualifiers.span, '“ether proto”', 'write ip, ip6, arp or rarp');
  if (protocol !== undefined && protocol !== 'ip' && protocol !== 'ip6') {
    throw syntaxFault(qualifiers.span, `“${protocol} proto” means nothing; ip and ip6 have protocols`, 'ip proto 89');
  }
  const over = BOTH.filter((network) => protocol === undefined || protocol === network);
  if (value.kind === 'number') return { kind: 'transport', over, number: value.value };
  if (value.kind !== 'name')
    throw syntaxFault(span, 'an address is no protocol; “proto” takes a number or a name', 'ip proto 89');
  const number = names.protocol(value.name);
  if (number === undefined)
    throw syntaxFault(span, `unknown protocol “${shortened(value.name)}”`, 'write its number: ip proto 89');
  return { kind: 'transport', over, number };
}
