import type { Direction, WlanAddress } from '../parse/tree.js';
import { type Arithmetic, LinkProtocol, type Meaning, type Network4, type Network6 } from '../resolve/meaning.js';

/** What a term asks of a packet, as a clause: “the packet …”. */
export function wordsOf(meaning: Meaning): string {
  switch (meaning.kind) {
    case 'link-protocol':
      return `carries ${protocolWords(meaning.protocol)}`;
    case 'transport':
      return `is of IP protocol ${ipProtocol(meaning.number)} over ${versions(meaning.over)}`;
    case 'protocol-chain':
      return `has IP protocol ${ipProtocol(meaning.number)} behind any of its first headers, over ${versions(meaning.over)}`;
    case 'host4':
      return `has ${address(meaning.direction)} ${oneOf(meaning.networks.map(network4))}, in ${meaning.carriers.join(', ').toUpperCase()}`;
    case 'host6':
      return `has ${address(meaning.direction)} ${oneOf(meaning.networks.map(network6))}, in IPv6`;
    case 'ports': {
      const ports = meaning.ranges.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`));
      return `has ${side(meaning.direction)} port ${oneOf(ports)}, over ${meaning.protocols.map(ipProtocol).join(', ')}`;
    }
    case 'mac':
      return `has ${macSide(meaning.direction)} ${oneOf(meaning.addresses.map(mac))}`;
    case 'length':
      return `has ${meaning.limit === 'less' ? 'at most' : 'at least'} ${meaning.bytes} bytes`;
    case 'cast':
      return `is sent to ${meaning.cast === 'broadcast' ? 'the broadcast address' : 'a multicast address'} of ${layerWords[meaning.layer]}`;
    case 'packet-direction':
      return meaning.direction === 'inbound' ? 'came in' : 'was sent by this host';
    case 'interface-index':
      return `was captured on interface ${meaning.index}`;
    case 'vlan':
      return `has a VLAN tag${meaning.ids ? ` of ${oneOf(meaning.ids.map(({ from, to }) => (from === to ? `${from}` : `${from} to ${to}`)))}` : ''}; all terms to the right look behind it`;
    case 'mpls':
      return `has an MPLS label${meaning.label === undefined ? '' : ` ${meaning.label}`}; all terms to the right look behind it`;
    case 'pppoe-discovery':
      return 'is PPPoE discovery';
    case 'pppoe-session':
      return `is of a PPPoE session${meaning.session === undefined ? '' : ` ${meaning.session}`}; all terms to the right look inside it`;
    case 'geneve':
    case 'vxlan':
      return `is in a ${meaning.kind === 'geneve' ? 'Geneve' : 'VXLAN'} tunnel${meaning.vni === undefined ? '' : ` of network ${meaning.vni}`}; all terms to the right look inside it`;
    case 'llc':
      return meaning.frame === 'any' ? 'has an LLC header' : `is an LLC frame of kind ${meaning.frame}`;
    case 'wlan-frame':
      return `is an 802.11 frame with (frame control & 0x${meaning.mask.toString(16)}) = 0x${meaning.value.toString(16)}`;
    case 'wlan-direction':
      return `is an 802.11 frame of direction ${['nods', 'tods', 'fromds', 'dstods'][meaning.direction] ?? meaning.direction}`;
    case 'relation':
      return `has ${calculation(meaning.left)} ${meaning.comparison} ${calculation(meaning.right)}`;
    case 'decnet-host':
      return `has ${address(meaning.direction)} ${meaning.address >> 10}.${meaning.address & 0x3ff}, in DECnet`;
    case 'iso-protocol':
      return `is of OSI network protocol 0x${meaning.number.toString(16)}`;
    case 'isis':
      return `is an IS-IS PDU of type ${oneOf(meaning.types.map(String))}`;
  }
}

const layerWords = { link: 'the link layer', ip: 'IPv4', ip6: 'IPv6' } as const;
const IP_PROTOCOLS: Readonly<Record<number, string>> = {
  ...{
    1: 'ICMP',
    2: 'IGMP',
    6: 'TCP',
    17: 'UDP',
    47: 'GRE',
    50: 'ESP',
    51: 'AH',
    58: 'ICMPv6',
    89: 'OSPF',
    132: 'SCTP',
  },
};

function ipProtocol(number: number): string {
  return IP_PROTOCOLS[number] ?? String(number);
}

function protocolWords(protocol: number): string {
  const name = Object.entries(LinkProtocol).find(([, number]) => number === protocol)?.[0];
  const kind = protocol > 1500 ? 'EtherType' : 'LLC';
  return `${name === undefined ? '' : `${name} (`}${kind} 0x${protocol.toString(16)}${name === undefined ? '' : ')'}`;
}

function versions(over: readonly ('ip' | 'ip6')[]): string {
  return over.map((version) => (version === 'ip' ? 'IPv4' : 'IPv6')).join(' or ');
}

function side(direction: Direction): string {
  const sides = {
    src: 'source',
    dst: 'destination',
    'src or dst': 'source or destination',
    'src and dst': 'source and destination',
  };
  return sides[direction];
}

function address(direction: Direction): string {
  return `${side(direction)} address`;
}

function macSide(direction: Direction | WlanAddress): string {
  return direction.startsWith('src') || direction.startsWith('dst')
    ? `${side(direction as Direction)} MAC address`
    : `802.11 address ${direction}`;
}

/** A long list is cut. */
const SHOWN = 6;

function oneOf(items: readonly string[]): string {
  if (items.length === 1) return items[0] ?? '';
  const more = items.length > SHOWN ? `, … (${items.length} in all)` : '';
  return `one of ${items.slice(0, SHOWN).join(', ')}${more}`;
}

function network4({ address: value, mask }: Network4): string {
  const dotted = [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
  const hostBits = ~mask >>> 0;
  if (hostBits === 0) return dotted;
  const isPrefix = (hostBits & (hostBits + 1)) === 0;
  return isPrefix ? `${dotted}/${Math.clz32(hostBits)}` : `${dotted} under mask 0x${mask.toString(16)}`;
}

function network6({ address: words, mask }: Network6): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff].map((group) => group.toString(16)));

  const prefix = mask.reduce((sum, word) => sum + Math.clz32(~word >>> 0), 0);
  return `${groups.join(':')}${prefix === 128 ? '' : `/${prefix}`}`;
}

function mac(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function calculation(value: Arithmetic): string {
  switch (value.kind) {
    case 'number':
      return String(value.value);
    case 'length':
      return 'its length';
    case 'negate':
      return `-${calculation(value.operand)}`;
    case 'accessor':
      return `${value.size === 1 ? 'byte' : `${value.size} bytes at`} ${calculation(value.index)} of ${value.protocol}`;
    case 'binary':
      return `(${calculation(value.left)} ${value.operator} ${calculation(value.right)})`;
  }
}
