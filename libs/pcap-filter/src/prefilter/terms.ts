import { ETHERTYPE, VLAN_TYPES } from '../lower/encapsulations.js';
import { TRANSPORTS } from '../lower/relations.js';
import {
  type AccessorProtocol,
  type Arithmetic,
  LinkProtocol,
  type Meaning,
  type PortRange,
} from '../resolve/meaning.js';
import { join } from './join.js';
import { inNetworks4, inNetworks6 } from './networks.js';
import { ALL, type Prefilter, type PrefilterToken, tokenOf } from './prefilter.js';

/** More values of one list are not written out. */
const MOST_VALUES = 256;

const UDP = 17;
const GENEVE_PORT = 6081;
const VXLAN_PORT = 4789;
const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/** What every packet has that the term matches, where the term is looked for at the place it means. */
export function neededBy(meaning: Meaning): Prefilter {
  switch (meaning.kind) {
    case 'link-protocol':
      return carrying(meaning.protocol);
    case 'transport':
    case 'protocol-chain':
      return join('and', [protocol(meaning.number), named(meaning.over.map(network))]);
    case 'host4':
      return join('and', [named(meaning.carriers.map(network)), inNetworks4(meaning.networks)]);
    case 'host6':
      return inNetworks6(meaning.networks);
    case 'ports':
      return join('and', [named(meaning.protocols.map(protocol)), oneOf(meaning.ranges, port)]);
    case 'mac':
      return join(
        'or',
        meaning.addresses.map((address) => tokenOf({ kind: 'mac', address })),
      );
    case 'cast':
      return castNeeds(meaning);
    case 'vlan':
      return meaning.ids === undefined
        ? join('or', VLAN_TYPES.map(etherType))
        : oneOf(meaning.ids, (id) => ({ kind: 'vlan', id }));
    case 'mpls':
      return etherType(ETHERTYPE.mpls);
    case 'pppoe-discovery':
      return etherType(ETHERTYPE.pppoeDiscovery);
    case 'pppoe-session':
      return etherType(ETHERTYPE.pppoeSession);
    case 'geneve':
      return join('and', [protocol(UDP), tokenOf(port(GENEVE_PORT))]);
    case 'vxlan':
      return join('and', [protocol(UDP), tokenOf(port(VXLAN_PORT))]);
    case 'relation':
      return join('and', [readBy(meaning.left), readBy(meaning.right)]);
    case 'length':
    case 'packet-direction':
    case 'interface-index':
    case 'llc':
    case 'wlan-frame':
    case 'wlan-direction':
    case 'decnet-host':
    case 'iso-protocol':
    case 'isis':
      return ALL;
  }
}

/** Of a single carrier, which somebody asked for by name. One of all of them is in nearly every packet. */
const named = (carriers: readonly Prefilter[]): Prefilter => (carriers.length === 1 ? join('and', carriers) : ALL);
const network = (name: 'ip' | 'ip6' | 'arp' | 'rarp'): Prefilter => etherType(LinkProtocol[name]);
const protocol = (value: number): Prefilter => tokenOf({ kind: 'protocol', value });
const etherType = (value: number): Prefilter => tokenOf({ kind: 'ethertype', value });
const port = (number: number): PrefilterToken => ({ kind: 'port', port: number });

/** Numbers that some link type writes in another way, or in an LLC or SNAP header: PPP's, AppleTalk's, Novell's. */
const WRITTEN_OTHERWISE: readonly number[] = [LinkProtocol.decnet, LinkProtocol.atalk, LinkProtocol.aarp, 0x0600];
/** Numbers up to here are lengths on Ethernet, and stand for LLC service access points. */
const LARGEST_LENGTH = 1500;

function carrying(number: number): Prefilter {
  if (number <= LARGEST_LENGTH || number > 0xffff || WRITTEN_OTHERWISE.includes(number)) return ALL;
  return etherType(number);
}

function oneOf(ranges: readonly PortRange[], tokenFor: (value: number) => PrefilterToken): Prefilter {
  const count = ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (count > MOST_VALUES) return ALL;
  const values = ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index));
  return join(
    'or',
    values.map((value) => tokenOf(tokenFor(value))),
  );
}

/** IPv4's group addresses, and all above them, as the language takes them: first byte 224 or more. */
const FIRST_GROUP = 224;

function castNeeds({ layer, cast }: Extract<Meaning, { kind: 'cast' }>): Prefilter {
  if (layer === 'link') return cast === 'broadcast' ? tokenOf({ kind: 'mac', address: BROADCAST }) : ALL;
  if (layer === 'ip6' || cast === 'broadcast') return network(layer);
  const groups = Array.from({ length: 256 - FIRST_GROUP }, (_, index) => FIRST_GROUP + index);
  return join(
    'or',
    groups.map((first) => tokenOf({ kind: 'ipv4', address: first * 2 ** 24, bits: 8 })),
  );
}

/** What must be there before the number is read; see `lowerArithmetic`, which forgets what a right operand asks for. */
function readBy(value: Arithmetic): Prefilter {
  switch (value.kind) {
    case 'number':
    case 'length':
      return ALL;
    case 'negate':
      return readBy(value.operand);
    case 'binary':
      return readBy(value.left);
    case 'accessor':
      return join('and', [readBy(value.index), holding(value.protocol)]);
  }
}

function holding(name: AccessorProtocol): Prefilter {
  if (name === 'icmp6') return join('and', [network('ip6'), protocol(58)]);
  const number = TRANSPORTS[name];
  if (number !== undefined) return protocol(number);
  return name === 'link' || name === 'radio' ? ALL : carrying(LinkProtocol[name as keyof typeof LinkProtocol]);
}
