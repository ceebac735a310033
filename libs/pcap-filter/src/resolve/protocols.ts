import { syntaxFault } from '../fault.js';
import { keywords } from '../lex/keywords.js';
import { shortened } from '../lex/lex.js';
import { type Logic, leafOf } from '../logic.js';
import type { Abbreviation, Primitive } from '../parse/tree.js';
import { LinkProtocol, type Meaning } from './meaning.js';
import type { NameResolver } from './names.js';
import { SCTP, TCP, UDP } from './services.js';
import { resolveSet } from './sets.js';

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
  ...Object.fromEntries(
    (['aarp', 'atalk', 'decnet', 'lat', 'sca', 'moprc', 'mopdl', 'iso', 'stp', 'ipx', 'netbeui'] as const).map(
      (word) => [word, { kind: 'link-protocol', protocol: LinkProtocol[word] }],
    ),
  ),
  clnp: { kind: 'iso-protocol', number: 0x81 },
  esis: { kind: 'iso-protocol', number: 0x82 },
  isis: { kind: 'iso-protocol', number: 0x83 },
  l1: { kind: 'isis', types: [26, 24, 18, 15, 17] },
  l2: { kind: 'isis', types: [27, 25, 20, 16, 17] },
  iih: { kind: 'isis', types: [15, 16, 17] },
  lsp: { kind: 'isis', types: [18, 20] },
  snp: { kind: 'isis', types: [24, 25, 26, 27] },
  csnp: { kind: 'isis', types: [24, 25] },
  psnp: { kind: 'isis', types: [26, 27] },
};

export function resolveAbbreviation({ protocol, span }: Abbreviation): Meaning {
  const meaning = ABBREVIATIONS[protocol];
  if (meaning === undefined) throw syntaxFault(span, `“${protocol}” alone says nothing`);
  return { ...meaning, span };
}

/** ISO network protocols, by the first byte of their headers (ISO/IEC TR 9577). */
const ISO_PROTOCOLS: Readonly<Record<string, number>> = {
  clnp: 0x81,
  esis: 0x82,
  'es-is': 0x82,
  isis: 0x83,
  'is-is': 0x83,
};

/** `ip proto 89`, `ip6 proto \\udp`, `proto 47`, `ether proto 0x88cc`, `ip6 protochain 6`. */
export function resolveProtocol(primitive: Primitive, names: NameResolver): Logic<Meaning> {
  const { qualifiers, value, span } = primitive;
  const { protocol, type } = qualifiers;
  if (value.kind === 'set') return resolveSet(primitive, value, names, (one) => resolveProtocol(one, names));
  const over = BOTH.filter((network) => protocol === undefined || protocol === network);
  if (over.length > 0) {
    const hint = `its number: ${protocol === 'ip6' ? 'ip6' : 'ip'} ${type} 89`;
    const number = numberOf(primitive, (name) => names.protocol(name), hint);
    const kind = type === 'protochain' ? 'protocol-chain' : 'transport';
    return leafOf({ kind, over, number, span });
  }
  if (type === 'proto' && protocol === 'ether') {
    return leafOf({ kind: 'link-protocol', protocol: numberOf(primitive, linkProtocolOf, ETHER_HINT), span });
  }
  if (type === 'proto' && protocol === 'iso') {
    return leafOf({ kind: 'iso-protocol', number: numberOf(primitive, (name) => ISO_PROTOCOLS[name], ISO_HINT), span });
  }
  if (type === 'proto' && protocol === 'isis') {
    return leafOf({
      kind: 'isis',
      types: [numberOf(primitive, () => undefined, 'the number of a PDU type: isis proto 15')],
      span,
    });
  }
  const have = type === 'proto' ? '“ether”, “ip”, “ip6”, “iso” and “isis” have' : '“ip” and “ip6” have';
  throw syntaxFault(qualifiers.span, `“${protocol} ${type}” means nothing; ${have} one`, `ip ${type} 89`);
}

/** Words of the language are names only behind a backslash. */
function named(names: readonly string[]): string {
  return names.map((name) => (keywords.has(name) ? `\\${name}` : name)).join(' ');
}

const ETHER_HINT = `its number, as ether proto 0x88cc, or one of: ${named(Object.keys(LinkProtocol))}`;
const ISO_HINT = `its number, as iso proto 0x83, or one of: ${named(Object.keys(ISO_PROTOCOLS))}`;

function linkProtocolOf(name: string): number | undefined {
  return Object.entries(LinkProtocol).find(([known]) => known === name)?.[1];
}

function numberOf({ value, span }: Primitive, lookUp: (name: string) => number | undefined, hint: string): number {
  if (value.kind === 'number') return value.value;
  if (value.kind !== 'name') {
    throw syntaxFault(span, 'an address is no protocol; “proto” takes a number or a name', hint);
  }
  const number = lookUp(value.name);
  if (number !== undefined) return number;
  throw syntaxFault(span, `unknown protocol “${shortened(value.name)}”`, hint);
}
