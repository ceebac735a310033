import type { Words } from '../lex/token.js';
import type { Arithmetic, Meaning, Network4, Network6, PortRange } from '../resolve/meaning.js';

/** What a term means, with every default filled in. */
export function printMeaning(meaning: Meaning): string {
  switch (meaning.kind) {
    case 'link-protocol':
      return `link protocol ${hex(meaning.protocol)}`;
    case 'transport':
      return `protocol ${meaning.number} over ${meaning.over.join(', ')}`;
    case 'protocol-chain':
      return `protocol ${meaning.number} behind any header, over ${meaning.over.join(', ')}`;
    case 'host4':
      return `${meaning.direction} ${list(meaning.networks.map(printNetwork4))} in ${meaning.carriers.join(', ')}`;
    case 'host6':
      return `${meaning.direction} ${list(meaning.networks.map(printNetwork6))} in ip6`;
    case 'ports':
      return `${meaning.direction} port ${list(meaning.ranges.map(printRange))} over protocol ${meaning.protocols.join(', ')}`;
    case 'mac':
      return `${meaning.direction} ether ${list(meaning.addresses.map(printMac))}`;
    case 'length':
      return `${meaning.limit} ${meaning.bytes}`;
    case 'cast':
      return `${meaning.layer} ${meaning.cast}`;
    case 'packet-direction':
      return meaning.direction;
    case 'interface-index':
      return `interface index ${meaning.index}`;
    case 'vlan':
      return `then behind VLAN ${meaning.ids ? list(meaning.ids.map(printRange)) : 'any'}`;
    case 'mpls':
      return `then behind MPLS label ${meaning.label ?? 'any'}`;
    case 'pppoe-discovery':
      return 'PPPoE discovery';
    case 'pppoe-session':
      return `then behind PPPoE session ${meaning.session ?? 'any'}`;
    case 'geneve':
    case 'vxlan':
      return `then behind ${meaning.kind} network ${meaning.vni ?? 'any'}`;
    case 'llc':
      return `LLC frame: ${meaning.frame}`;
    case 'wlan-frame':
      return `frame control & ${hex(meaning.mask)} is ${hex(meaning.value)}`;
    case 'wlan-direction':
      return `802.11 direction ${meaning.direction}`;
    case 'relation':
      return `${printArithmetic(meaning.left)} ${meaning.comparison} ${printArithmetic(meaning.right)}`;
    case 'decnet-host':
      return `${meaning.direction} DECnet ${meaning.address >> 10}.${meaning.address & 0x3ff}`;
    case 'iso-protocol':
      return `OSI network protocol ${hex(meaning.number)}`;
    case 'isis':
      return `IS-IS PDU of type ${list(meaning.types.map(String))}`;
  }
}

function printArithmetic(value: Arithmetic): string {
  switch (value.kind) {
    case 'number':
      return String(value.value);
    case 'length':
      return 'length';
    case 'negate':
      return `-${printArithmetic(value.operand)}`;
    case 'accessor':
      return `${value.protocol}[${printArithmetic(value.index)}:${value.size}]`;
    case 'binary':
      return `(${printArithmetic(value.left)} ${value.operator} ${printArithmetic(value.right)})`;
  }
}

/** A long list is cut: the printed form is for people. */
const SHOWN = 24;

function list(items: readonly string[]): string {
  if (items.length === 1) return items[0] ?? '';
  const more = items.length > SHOWN ? `, … ${items.length - SHOWN} more` : '';
  return `{${items.slice(0, SHOWN).join(', ')}${more}}`;
}

function printNetwork4({ address, mask }: Network4): string {
  return `${hex(address)} & ${hex(mask)}`;
}

function printNetwork6({ address, mask }: Network6): string {
  return `${words(address)} & ${words(mask)}`;
}

function printRange({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function printMac(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

function words(address: Words): string {
  return address.map((word) => word.toString(16).padStart(8, '0')).join(':');
}
