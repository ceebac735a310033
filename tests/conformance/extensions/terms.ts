import type { Random } from '../random.js';
import { ICMP6_TYPES, IPV4, IPV6, MACS, PORTS, PROTOCOLS, VLAN_IDS } from './pools.js';
import type { View } from './view.js';

/** A primitive as it is written, and what it says of a packet. */
export interface Term {
  readonly text: string;
  /** `vlan`: what stands to its right is looked for behind one tag more. */
  readonly moves?: true;
  readonly holds: (view: View) => boolean;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

export function randomTerm(random: Random): Term {
  return random.of([linkProtocol, transport, transport, ports, ports, ports, hosts, macs, relation, relation, vlan])(
    random,
  );
}

const ETHER_TYPES = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806, rarp: 0x8035 } as const;

function linkProtocol(random: Random): Term {
  const text = random.of(['ip', 'ip6', 'arp', 'rarp'] as const);
  return { text, holds: (view) => view.etherType === ETHER_TYPES[text] };
}

const NAMES: readonly (readonly [string, number, readonly string[]])[] = [
  ['tcp', 6, ['ip', 'ip6']],
  ['udp', 17, ['ip', 'ip6']],
  ['sctp', 132, ['ip', 'ip6']],
  ['esp', 50, ['ip', 'ip6']],
  ['pim', 103, ['ip', 'ip6']],
  ['icmp6', 58, ['ip6']],
  ['ah', 51, ['ip', 'ip6']],
  ...[0, 43, 44, 51, 60].map((number) => [`ip6 proto ${number}`, number, ['ip6']] as const),
];

/** Also of later fragments: the number stands in a header that they have. */
function transport(random: Random): Term {
  const chosen = random.of(PROTOCOLS);
  const [text, number, versions] = random.of([
    ...NAMES,
    [`proto ${chosen}`, chosen, ['ip', 'ip6']],
    [`ip proto ${chosen}`, chosen, ['ip']],
    [`ip6 proto ${chosen}`, chosen, ['ip6']],
  ] as typeof NAMES);
  const holds = (view: View) => {
    const type = view.etherType;
    if (type === ETHER_TYPES.ip) return versions.includes('ip') && view.overIpv4().protocol === number;
    if (type !== ETHER_TYPES.ip6 || !versions.includes('ip6')) return false;
    // Without the extension libpcap looks behind one fragment header, though at no other.
    const isFragment = view.u8(view.network + 6) === 44;
    return view.overIpv6(view.extensions.ipv6ExtensionHeaders || (isFragment ? 1 : 0)).met.includes(number);
  };
  return { text, holds };
}

const DIRECTIONS = ['', 'src ', 'dst '] as const;
/** Of the sides asked for one must do. */
function either(direction: (typeof DIRECTIONS)[number], isSide: (side: 0 | 1) => boolean): boolean {
  return (direction !== 'dst ' && isSide(0)) || (direction !== 'src ' && isSide(1));
}

const isIn = (ranges: readonly Range[], value: number) => ranges.some(({ from, to }) => from <= value && value <= to);
const written = (ranges: readonly Range[], separator: string) =>
  ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(separator);

function randomRanges(random: Random, pool: readonly number[], most: number): Range[] {
  return Array.from({ length: 1 + random.below(4) }, () => {
    const from = Math.max(0, Math.min(most, random.of(pool) + random.of([0, 0, 0, 1, -1])));
    return { from, to: random.chance(60) ? from : Math.min(most, from + random.of([1, 10, 100])) };
  });
}

function ports(random: Random): Term {
  const [name, protocols] = random.of([
    ['', [6, 17, 132]],
    ['tcp ', [6]],
    ['udp ', [17]],
  ] as const);
  const direction = random.of(DIRECTIONS);
  const ranges = randomRanges(random, PORTS, 65_535);
  const holds = (view: View) =>
    protocols.some((protocol) => {
      const at = view.transportHeader(protocol, ['ip', 'ip6']);
      return at !== undefined && either(direction, (side) => isIn(ranges, view.u16(at + 2 * side)));
    });
  return { text: `${name}${direction}port in {${written(ranges, ', ')}}`, holds };
}

interface Network {
  readonly text: string;
  readonly bits: 32 | 128;
  readonly address: bigint;
  readonly prefix: number;
}

function randomNetwork(random: Random): Network {
  const bits = random.of([32, 128] as const);
  const prefix = random.of([bits, bits, bits === 32 ? 16 : 64, bits - 2]);
  const shift = BigInt(bits - prefix);
  const address = (random.of<bigint>(bits === 32 ? IPV4 : IPV6) >> shift) << shift;
  const digits = address.toString(16).padStart(32, '0');
  const plain =
    bits === 32
      ? [24n, 16n, 8n, 0n].map((by) => (address >> by) & 255n).join('.')
      : (digits.match(/..../g) ?? []).join(':');
  return { text: prefix === bits ? plain : `${plain}/${prefix}`, bits, address, prefix };
}

/** Where both sides' addresses stand behind the network header's start. */
const ADDRESSES: Readonly<Record<number, readonly [bits: 32 | 128, source: number, destination: number]>> = {
  [ETHER_TYPES.ip]: [32, 12, 16],
  [ETHER_TYPES.arp]: [32, 14, 24],
  [ETHER_TYPES.rarp]: [32, 14, 24],
  [ETHER_TYPES.ip6]: [128, 8, 24],
};

function hosts(random: Random): Term {
  const direction = random.of(DIRECTIONS);
  const networks = Array.from({ length: 1 + random.below(5) }, () => randomNetwork(random));
  const holds = (view: View) => {
    const [bits, ...places] = ADDRESSES[view.etherType] ?? [0, 0, 0];
    if (!networks.some((one) => one.bits === bits)) return false;
    return either(direction, (side) => {
      const address = view.number(view.network + places[side], bits / 8);
      const isWithin = (one: Network) => (address ^ one.address) >> BigInt(bits - one.prefix) === 0n;
      return networks.some((one) => one.bits === bits && isWithin(one));
    });
  };
  return {
    text: `${direction}${random.of(['host', 'net'])} in {${networks.map(({ text }) => text).join(', ')}}`,
    holds,
  };
}

function macs(random: Random): Term {
  const direction = random.of(DIRECTIONS);
  const addresses = Array.from({ length: 1 + random.below(3) }, () => random.of(MACS));
  const texts = addresses.map((one) => (one.toString(16).padStart(12, '0').match(/../g) ?? []).join(':'));
  const holds = (view: View) => either(direction, (side) => addresses.includes(view.number(6 - 6 * side, 6) as never));
  return { text: `ether ${direction}host in {${texts.join(', ')}}`, holds };
}

/** Offsets, sizes and numbers near which it is worth asking. */
const FIELDS = [
  ['tcp', 0, 2, PORTS],
  ['tcp', 2, 2, PORTS],
  ['tcp', 13, 1, [2, 16]],
  ['udp', 2, 2, PORTS],
  ['sctp', 0, 4, [0]],
  ['icmp6', 0, 1, ICMP6_TYPES],
  ['icmp', 0, 1, [0, 8]],
  ['ip', 8, 1, [64, 128]],
  ['ip6', 7, 1, [64, 128]],
  ['ip6', 6, 1, [6, 44, 51]],
  ['ether', 5, 1, [1, 2]],
  ['ether', 12, 2, [0x0800, 0x86dd, 0x8100]],
] as const;
const TRANSPORTS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132, icmp: 1, icmp6: 58 };
const COMPARISONS: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
  '<=': (a, b) => a <= b,
  '>=': (a, b) => a >= b,
};

function relation(random: Random): Term {
  const [protocol, offset, size, numbers] = random.of(FIELDS);
  const comparison = random.of(Object.keys(COMPARISONS));
  const number = random.of<number>(numbers);
  const holds = (view: View) => {
    const start = headerOf(protocol, view);
    return (
      start !== undefined && (COMPARISONS[comparison]?.(Number(view.number(start + offset, size)), number) ?? false)
    );
  };
  return { text: `${protocol}[${offset}:${size}] ${comparison} ${number}`, holds };
}

/** Where `protocol[0]` is read; undefined where the packet is none of it. */
function headerOf(protocol: (typeof FIELDS)[number][0], view: View): number | undefined {
  if (protocol === 'ether') return 0;
  if (protocol === 'ip' || protocol === 'ip6')
    return view.etherType === ETHER_TYPES[protocol] ? view.network : undefined;
  // Without the extension `tcp[…]` is IPv4's, as in libpcap, and `icmp6[…]` stands right behind IPv6.
  // ICMP is IPv4's alone.
  const isWalked = (view.extensions.ipv6ExtensionHeaders ?? 0) > 0 && protocol !== 'icmp';
  const versions = protocol === 'icmp6' ? (['ip6'] as const) : isWalked ? (['ip', 'ip6'] as const) : (['ip'] as const);
  return view.transportHeader(TRANSPORTS[protocol] ?? 0, versions);
}

function vlan(random: Random): Term {
  const ids = random.chance(30) ? undefined : randomRanges(random, VLAN_IDS, 4095);
  const isListed = (tci: () => number) => ids === undefined || isIn(ids, tci() & 0xfff);
  const holds = (view: View) => {
    const { metadata } = view.packet;
    if (metadata?.vlanTagPresent && isListed(() => metadata.vlanTci)) return true;
    // Behind tags everything is looked for anyway: there `vlan` asks for the outermost one.
    const at = view.extensions.vlanTransparent ? 12 : view.typeAt;
    return view.isTag(at) && isListed(() => view.u16(at + 2));
  };
  return { text: ids === undefined ? 'vlan' : `vlan ${written(ids, ',')}`, moves: true, holds };
}
