import { hasEtherTypes, isWireless, type LinkForm } from '../link-types.js';
import * as address from './addresses.js';
import { direction } from './addresses.js';
import { relation } from './arithmetic.js';
import type { Writer } from './writer.js';

/** One primitive of pcap-filter(7), numbered as in the grammar's checklist. */
export interface Production {
  readonly name: string;
  /** Where libpcap knows it; elsewhere it is refused, which is compared too. */
  readonly on?: (form: LinkForm) => boolean;
  readonly write: (w: Writer) => string;
  /** Some are written oftener than others, because they have more to get wrong. */
  readonly weight?: number;
}

/** Names that mean a transport protocol, 17. */
export const transports = [
  'ah',
  'esp',
  'pim',
  'sctp',
  'tcp',
  'udp',
  'icmp',
  'icmp6',
  'igmp',
  'igrp',
  'carp',
  'vrrp',
] as const;
/** Names that mean what a link carries, 24; the others are of tier 3. */
export const carried = ['ip', 'ip6', 'arp', 'rarp'] as const;
export const rarelyCarried = [
  'aarp',
  'atalk',
  'decnet',
  'ipx',
  'iso',
  'lat',
  'moprc',
  'mopdl',
  'netbeui',
  'sca',
  'stp',
] as const;
export const etherNames = [
  'aarp',
  'arp',
  'atalk',
  'decnet',
  'ip',
  'ip6',
  'ipx',
  'iso',
  'lat',
  'loopback',
  'mopdl',
  'moprc',
  'netbeui',
  'rarp',
  'sca',
  'stp',
] as const;
export const llcFrames = [
  'i',
  's',
  'u',
  'rr',
  'rnr',
  'rej',
  'ui',
  'ua',
  'disc',
  'dm',
  'sabme',
  'test',
  'xid',
  'frmr',
] as const;
export const wlanTypes = ['mgt', 'management', 'ctl', 'control', 'data'] as const;
export const wlanSubtypes = {
  mgt: [
    'assocreq',
    'assoc-req',
    'assocresp',
    'reassocreq',
    'reassocresp',
    'probereq',
    'proberesp',
    'beacon',
    'atim',
    'disassoc',
    'auth',
    'deauth',
  ],
  ctl: ['ps-poll', 'rts', 'cts', 'ack', 'cf-end', 'cf-end-ack'],
  data: [
    'data',
    'data-cf-ack',
    'data-cf-poll',
    'null',
    'cf-ack',
    'cf-poll',
    'qos-data',
    'qos-data-cf-ack',
    'qos',
    'qos-cf-poll',
  ],
} as const;
export const wlanDirections = ['nods', 'tods', 'fromds', 'dstods'] as const;
export const isisFrames = ['l1', 'l2', 'iih', 'lsp', 'snp', 'csnp', 'psnp'] as const;

const PORTS = ['80', '443', '53', '0', '65535', '0x50', '022'];
const SERVICES = {
  '': ['domain', 'ssh', 'https'],
  tcp: ['ssh', 'http', 'smtp'],
  udp: ['ntp', 'snmp', 'tftp'],
} as const;
const RANGES = ['80-90', '90-80', '1000-65535', '0-65535', '443-443', '53', '79-81', '1-1023'];
const PROTOCOLS = ['6', '17', '1', '44', '58', '132', '0', '51', '89', '255', '\\tcp', '\\udp', '\\icmp', '\\ah'];

const ethernetOnly = ({ linkType }: LinkForm): boolean => linkType === 'EN10MB';
const withMacs = (form: LinkForm): boolean => ethernetOnly(form) || isWireless(form);
const withMpls = ({ linkType }: LinkForm): boolean => linkType === 'EN10MB' || linkType === 'PPP';
const carriesAll = (form: LinkForm): boolean => hasEtherTypes(form) || form.linkType === 'PPP';
const notWireless = (form: LinkForm): boolean => !isWireless(form);
const transportWord = (w: Writer): string => (w.chance(40) ? '' : `${w.variant('7 port of', ['tcp', 'udp', 'sctp'])} `);

/** In the order of the checklist. */
export const primitives: readonly Production[] = [
  {
    name: '1 host v4',
    write: (w) =>
      `${carrier(w)}${direction(w)}${w.of(['host ', 'host ', ''])}${list(w, address.host4)}`.replace(
        /^(src|dst) (or|and)/,
        '$1 $2',
      ),
    weight: 10,
  },
  {
    name: '1 host v6',
    write: (w) => `${w.of(['', '', 'ip6 '])}${direction(w)}host ${list(w, address.host6)}`,
    weight: 3,
  },
  { name: '1 host partial', write: (w) => `${direction(w)}host ${address.partial4(w)}` },
  {
    name: '2 ether host',
    on: withMacs,
    write: (w) =>
      `${w.of(['ether', 'ether', 'link', 'wlan'])} ${direction(w)}${w.of(['host ', ''])}${list(w, address.mac)}`,
    weight: 2,
  },
  { name: '2.3 neighbours', write: neighbours, weight: 5 },
  { name: '4 net', write: (w) => `${direction(w)}net ${list(w, address.classful4)}` },
  { name: '5 net mask', write: (w) => `${direction(w)}net ${address.netWithMask(w)}` },
  { name: '6 net v4 length', write: (w) => `${carrier(w)}${direction(w)}net ${list(w, address.net4)}`, weight: 5 },
  { name: '6 net v6 length', write: (w) => `${direction(w)}net ${list(w, address.net6)}`, weight: 2 },
  { name: '7 port', write: (w) => `${transportWord(w)}${direction(w)}port ${list(w, port)}`, weight: 6 },
  { name: '7 port name', write: portName },
  {
    name: '8 portrange',
    write: (w) => `${transportWord(w)}${direction(w)}portrange ${list(w, (one) => one.of(RANGES))}`,
    weight: 4,
  },
  { name: '9 less', write: (w) => `less ${w.number(w.of([40, 60, 64, 100, 1500]))}` },
  { name: '10 greater', write: (w) => `greater ${w.number(w.of([0, 40, 60, 64, 80]))}` },
  { name: '11 ip proto', write: (w) => `ip proto ${list(w, protocol)}` },
  { name: '12 ip6 proto', write: (w) => `ip6 proto ${list(w, protocol)}` },
  { name: '13 proto', write: (w) => `proto ${list(w, protocol)}` },
  { name: '14 ip protochain', on: notWireless, write: (w) => `ip protochain ${protocol(w)}` },
  { name: '15 ip6 protochain', on: notWireless, write: (w) => `ip6 protochain ${protocol(w)}` },
  { name: '16 protochain', on: notWireless, write: (w) => `protochain ${protocol(w)}` },
  { name: '17 transport', write: (w) => w.variant('17', transports), weight: 14 },
  { name: '18 broadcast', on: withMacs, write: (w) => w.of(['broadcast', 'ether broadcast']) },
  { name: '19 ip broadcast', write: () => 'ip broadcast' },
  { name: '20 multicast', on: withMacs, write: (w) => w.of(['multicast', 'ether multicast']) },
  { name: '21 ip multicast', write: () => 'ip multicast' },
  { name: '22 ip6 multicast', write: () => 'ip6 multicast' },
  {
    name: '23 ether proto name',
    write: (w) => `ether proto \\${w.variant('23', carriedOn(w, etherNames))}`,
    weight: 16,
  },
  {
    name: '23 ether proto number',
    on: carriesAll,
    write: (w) => `ether proto ${w.number(w.of([0x800, 0x86dd, 0x806, 0x8100, 0x88cc, 0x8863, 0x600, 0xffff]))}`,
  },
  {
    name: '23 ether proto of LLC',
    on: hasEtherTypes,
    write: (w) => `ether proto ${w.number(w.of([0x42, 0xe0, 0xf0, 0xfe, 0xaa, 6, 0x5dc, 1]))}`,
  },
  { name: '24 carried', write: (w) => w.variant('24', carriedOn(w, carried)), weight: 4 },
  { name: '24 rarely carried', on: carriesAll, write: (w) => w.variant('24', rarelyCarried), weight: 11 },
  {
    name: '25 decnet host',
    on: carriesAll,
    write: (w) => `decnet ${direction(w)}host ${1 + w.below(62)}.${w.below(1023)}`,
  },
  {
    name: '26 llc',
    on: (form) => ethernetOnly(form) || isWireless(form),
    write: (w) => (w.chance(15) ? 'llc' : `llc ${w.variant('26 llc', llcFrames)}`),
    weight: 18,
  },
  { name: '27 inbound', on: directed, write: () => 'inbound' },
  { name: '27 outbound', on: directed, write: () => 'outbound' },
  {
    name: '28 ifindex',
    on: ({ live, linkType }) => live || linkType === 'LINUX_SLL2',
    write: (w) => `ifindex ${w.number(w.of([0, 1, 2, 7]))}`,
    weight: 2,
  },
  {
    name: '30 wlan address',
    on: isWireless,
    write: (w) => `wlan ${w.variant('30', address.wlanAddresses)} ${address.mac(w)}`,
    weight: 6,
  },
  { name: '31 type', on: isWireless, write: (w) => `type ${w.variant('31 type', wlanTypes)}`, weight: 5 },
  { name: '31 subtype', on: isWireless, write: subtype, weight: 28 },
  {
    name: '32 dir',
    on: isWireless,
    write: (w) => `${w.of(['dir', 'direction'])} ${w.chance(80) ? w.variant('32', wlanDirections) : w.below(4)}`,
    weight: 4,
  },
  { name: '33 vlan', on: (form) => ethernetOnly(form) || isWireless(form), write: () => 'vlan', weight: 2 },
  {
    name: '33 vlan id',
    on: (form) => ethernetOnly(form) || isWireless(form),
    write: (w) => `vlan ${w.number(w.of([0, 1, 10, 100, 4095, w.below(4096)]))}`,
    weight: 2,
  },
  { name: '34 mpls', on: withMpls, write: () => 'mpls', weight: 2 },
  { name: '34 mpls label', on: withMpls, write: (w) => `mpls ${w.number(w.of([0, 3, 16, 1024, 0xfffff]))}`, weight: 2 },
  { name: '35 pppoed', on: carriesAll, write: () => 'pppoed' },
  { name: '36 pppoes', on: withPppoe, write: () => 'pppoes' },
  { name: '36 pppoes id', on: withPppoe, write: (w) => `pppoes ${w.number(w.of([0, 1, 0x27, 65535]))}` },
  { name: '37 geneve', write: () => 'geneve' },
  { name: '37 geneve vni', write: (w) => `geneve ${w.number(w.of([0, 1, 0xb, 0xffffff]))}` },
  {
    name: '39 iso proto',
    on: carriesAll,
    write: (w) => `iso proto ${w.of(['\\clnp', '\\esis', '\\isis', '0x81', '1'])}`,
  },
  { name: '39 iso abbreviation', on: carriesAll, write: (w) => w.variant('39', ['clnp', 'esis', 'isis']), weight: 3 },
  { name: '40 isis frame', on: carriesAll, write: (w) => w.variant('40', isisFrames), weight: 7 },
  { name: '44 byte', write: (w) => `byte ${w.below(40)} ${w.of(['=', '<', '>', '&', '|'])} ${w.below(256)}` },
  { name: '45 relation', write: relation, weight: 30 },
];

function withPppoe(form: LinkForm): boolean {
  return hasEtherTypes(form) || form.linkType === 'PPP';
}
function directed({ live, linkType }: LinkForm): boolean {
  return live || linkType.startsWith('LINUX_SLL');
}

/** Of protocols, those that this link can carry; a name of another never matches. */
function carriedOn<Name extends string>(w: Writer, names: readonly Name[]): readonly Name[] {
  const { linkType } = w.form;
  if (carriesAll(w.form) || w.chance(5)) return names;
  return names.filter((name) => (name === 'ip' && linkType !== 'IPV6') || (name === 'ip6' && linkType !== 'IPV4'));
}

function carrier(w: Writer): string {
  if (!carriesAll(w.form) && w.chance(95)) return w.form.linkType === 'IPV6' ? '' : w.of(['', 'ip ']);
  return w.chance(25) ? '' : `${w.variant('1 host of', ['ip', 'arp', 'rarp'])} `;
}

const port = (w: Writer): string => (w.chance(80) ? w.of(PORTS) : String(w.below(65536)));
const protocol = (w: Writer): string => w.of(PROTOCOLS);

function portName(w: Writer): string {
  const transport = w.of(['', 'tcp', 'udp'] as const);
  return `${transport} ${direction(w)}port ${w.of(SERVICES[transport])}`.trim();
}

function subtype(w: Writer): string {
  const type = w.of(['mgt', 'ctl', 'data'] as const);
  const name = w.variant('31 subtype', wlanSubtypes[type]);
  return w.chance(50) ? `subtype ${name}` : w.note('31 type and subtype', `type ${type} subtype ${name}`);
}

/** Two terms of one kind, each with a direction of its own: a compiler may join them, if it joins them rightly. */
function neighbours(w: Writer): string {
  const value = w.of([address.host4, address.host4, port]);
  const kind = value === port ? w.of(['port', 'tcp port', 'udp port']) : w.of(['host', 'ip host']);
  const [transport, type] = kind.includes(' ') ? kind.split(' ') : ['', kind];
  const one = () => `${transport} ${w.of(['src', 'dst', 'src and dst', 'src and dst'])} ${type} ${value(w)}`.trim();
  return `${one()} or ${one()}`;
}

/** One value, or several that take over the qualifiers, with or without parentheses. */
function list(w: Writer, value: (w: Writer) => string): string {
  if (w.chance(55)) return w.chance(92) ? value(w) : w.note('2.4 value in parentheses', `(${value(w)})`);
  const isBracketed = w.chance(45);
  const words = [value(w)];
  for (let more = 1 + w.below(3); more > 0; more--) words.push(w.of(['or', 'or', 'or', 'and', 'or not']), value(w));
  return isBracketed ? w.note('2.3 list in parentheses', `(${words.join(' ')})`) : w.note('2.3 list', words.join(' '));
}
