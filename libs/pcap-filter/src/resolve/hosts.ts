import { syntaxFault } from '../fault.js';
import { readIpv4, readIpv6, readMac } from '../lex/addresses.js';
import { shortened } from '../lex/lex.js';
import type { Words } from '../lex/token.js';
import { joined, type Logic, leafOf } from '../logic.js';
import type { Direction, Primitive, Qualifiers, Value } from '../parse/tree.js';
import type { Ipv4Carrier, Meaning } from './meaning.js';
import type { NameResolver } from './names.js';
import { resolveSet } from './sets.js';

const ALL_ONES = 0xffff_ffff;

/** `host` and `net` with their qualifiers; without a type an address is a host's. */
export function resolveHost(primitive: Primitive, names: NameResolver): Logic<Meaning> {
  const { value, qualifiers } = primitive;
  if (value.kind === 'set') return resolveSet(primitive, value, names, (one) => resolveHost(one, names));
  if (qualifiers.protocol === 'decnet') return leafOf(resolveDecnet(primitive));
  if (qualifiers.protocol === 'ether') return leafOf(resolveMac(primitive, names));
  switch (value.kind) {
    case 'number':
      return leafOf(host4(primitive, ...promoteNumber(value.value, qualifiers.type === 'net')));
    case 'ipv4':
      return leafOf(host4(primitive, value.address, maskOf(value, primitive)));
    case 'ipv6':
      return leafOf(host6(primitive, value.words, value.prefixLength));
    case 'mac':
      throw syntaxFault(primitive.span, 'a MAC address is found in the link layer only', `ether host ${value.text}`);
    case 'name':
      return qualifiers.type === 'net' ? network(primitive, value.name, names) : host(primitive, value.name, names);
  }
}

const SIDES: readonly string[] = ['src', 'dst', 'src or dst', 'src and dst'];

/** @throws BpfleetError where a direction of 802.11 frames stands before what is no MAC address */
export function sidesOf({ direction = 'src or dst', span }: Qualifiers): Direction {
  if (SIDES.includes(direction)) return direction as Direction;
  throw syntaxFault(
    span,
    `“${direction}” is for MAC addresses of 802.11 frames only`,
    `wlan ${direction} 00:11:22:aa:bb:cc`,
  );
}

/** `decnet host 1.5`: area and node (DECnet phase IV, six and ten bits); or both as one number, cut to 16 bits as in libpcap. */
function resolveDecnet({ value, qualifiers, span }: Primitive): Meaning {
  if (value.kind === 'number') {
    return { kind: 'decnet-host', address: value.value & 0xffff, direction: sidesOf(qualifiers), span };
  }
  const [area = 0, node = 0, ...rest] = value.text.split('.').map(Number);
  const isPair = /^\d+\.\d+$/.test(value.text);
  const isAddress = isPair && rest.length === 0 && area < 64 && node < 1024;
  if (!isAddress || qualifiers.type === 'net') {
    throw syntaxFault(span, '“decnet host” takes an area and a node', 'decnet host 1.5');
  }
  return { kind: 'decnet-host', address: area * 1024 + node, direction: sidesOf(qualifiers), span };
}

/**
 * `net 10` is 10.0.0.0/8: libpcap shifts a short number up until its first byte is used. `host 10` is 0.0.0.10.
 */
function promoteNumber(value: number, isNet: boolean): [address: number, mask: number] {
  if (!isNet || value === 0) return [value, ALL_ONES];
  const bytes = Math.ceil((32 - Math.clz32(value)) / 8);
  const shift = 2 ** (32 - bytes * 8);
  return [value * shift, prefixMask(bytes * 8)];
}

function maskOf(value: Extract<Value, { kind: 'ipv4' }>, { qualifiers, span }: Primitive): number {
  const { address, bits, mask: written, prefixLength } = value;
  if (written === undefined && prefixLength === undefined) return prefixMask(bits);
  if (qualifiers.type !== 'net') throw maskNeedsNet(span);
  if (prefixLength !== undefined && prefixLength > 32) throw tooLongPrefix(prefixLength, 32, span);
  const mask = written?.address ?? prefixMask(prefixLength ?? 32);
  const network = (address & mask) >>> 0;
  if (network !== address) {
    throw bitsOutsideMask(network, prefixLength === undefined ? ` mask ${written?.text}` : `/${prefixLength}`, span);
  }
  return mask;
}

function bitsOutsideMask(network: number, suffix: string, span: Primitive['span']) {
  const hint = `net ${dotted(network)}${suffix}`;
  return syntaxFault(span, 'the address has bits set outside the network’s mask', hint);
}

function tooLongPrefix(prefixLength: number, most: 32 | 128, span: Primitive['span']) {
  const version = most === 32 ? 'IPv4' : 'IPv6';
  return syntaxFault(span, `an ${version} network’s prefix has at most ${most} bits, not ${prefixLength}`);
}

function host4({ qualifiers, span }: Primitive, address: number, mask: number): Meaning {
  const { protocol } = qualifiers;
  if (protocol !== undefined && protocol !== 'ip' && protocol !== 'arp' && protocol !== 'rarp') {
    throw wrongProtocol(protocol, qualifiers.type ?? 'host', protocol === 'ip6' ? 'an IPv4 address' : undefined, span);
  }
  // libpcap looks for addresses in ARP and RARP too unless a protocol is named.
  const carriers: readonly Ipv4Carrier[] = protocol === undefined ? ['ip', 'arp', 'rarp'] : [protocol];
  return { kind: 'host4', networks: [{ address, mask }], direction: sidesOf(qualifiers), carriers, span };
}

function host6({ qualifiers, span }: Primitive, address: Words, prefixLength = 128): Meaning {
  const { protocol } = qualifiers;
  if (protocol !== undefined && protocol !== 'ip6') {
    const isIpv4 = protocol === 'ip' || protocol === 'arp' || protocol === 'rarp';
    throw wrongProtocol(protocol, qualifiers.type ?? 'host', isIpv4 ? 'an IPv6 address' : undefined, span);
  }
  if (prefixLength > 128) throw tooLongPrefix(prefixLength, 128, span);
  if (qualifiers.type !== 'net' && prefixLength !== 128) throw maskNeedsNet(span);
  const maskOfWord = (word: number) => prefixMask(Math.min(32, Math.max(0, prefixLength - word * 32)));
  const mask: Words = [maskOfWord(0), maskOfWord(1), maskOfWord(2), maskOfWord(3)];
  if (address.some((word, index) => word & ~(mask[index] ?? 0))) {
    throw syntaxFault(
      span,
      'the address has bits set outside the network’s prefix',
      'set the bits behind the prefix to zero',
    );
  }
  return { kind: 'host6', networks: [{ address, mask }], direction: sidesOf(qualifiers), span };
}

/** Every address of the host that the protocol in front can carry. */
function host(primitive: Primitive, name: string, names: NameResolver): Logic<Meaning> {
  const found = names.host(name);
  if (found === undefined) {
    throw syntaxFault(
      primitive.span,
      `unknown host “${shortened(name)}”`,
      'write its address, or give the name in a hosts table',
    );
  }
  const { protocol } = primitive.qualifiers;
  const meanings = found.flatMap((text): Meaning[] => {
    const ipv6 = readIpv6(text);
    if (ipv6) return protocol === undefined || protocol === 'ip6' ? [host6(primitive, ipv6)] : [];
    if (!/^\d+(\.\d+){3}$/.test(text)) throw brokenTable(primitive, name, text);
    const ipv4 = readIpv4(text);
    if (!ipv4) throw brokenTable(primitive, name, text);
    return protocol === 'ip6' ? [] : [host4(primitive, ipv4.address, ALL_ONES)];
  });
  if (meanings.length === 0) {
    throw syntaxFault(primitive.span, `host “${shortened(name)}” has no address that ${protocol ?? 'IP'} carries`);
  }
  return joined(
    'or',
    meanings.map((meaning) => leafOf(meaning)),
  );
}

function network(primitive: Primitive, name: string, names: NameResolver): Logic<Meaning> {
  const text = names.network(name);
  if (text === undefined) {
    throw syntaxFault(
      primitive.span,
      `unknown network “${shortened(name)}”`,
      'write it as 10.0.0.0/8, or give the name in a networks table',
    );
  }
  const [address = '', length] = text.split('/');
  const prefixLength = length === undefined || !/^\d{1,3}$/.test(length) ? undefined : Number(length);
  if (length !== undefined && prefixLength === undefined) throw brokenTable(primitive, name, text);
  const ipv6 = readIpv6(address);
  if (ipv6) return leafOf(host6(primitive, ipv6, prefixLength));
  const ipv4 = /^\d+(\.\d+){1,3}$/.test(address) ? readIpv4(address) : undefined;
  if (!ipv4) throw brokenTable(primitive, name, text);
  const token = { kind: 'ipv4', text, span: primitive.span, ...ipv4 } as const;
  const value = prefixLength === undefined ? token : { ...token, prefixLength };
  return leafOf(host4(primitive, ipv4.address, maskOf(value, primitive)));
}

function resolveMac({ value, qualifiers, span }: Primitive, names: NameResolver): Meaning {
  const { type, direction = 'src or dst' } = qualifiers;
  if (type === 'net') throw wrongProtocol('ether', 'net', undefined, span);
  const text = value.kind === 'name' ? names.ether(value.name) : undefined;
  const bytes = value.kind === 'mac' ? value.bytes : text === undefined ? undefined : readMac(text);
  if (bytes !== undefined) return { kind: 'mac', addresses: [bytes], direction, span };
  if (value.kind === 'name') {
    throw syntaxFault(
      span,
      `unknown Ethernet host “${shortened(value.name)}”`,
      'write its address as 00:11:22:aa:bb:cc',
    );
  }
  throw syntaxFault(
    span,
    '“ether” is followed by a MAC address, not an IP address',
    'leave out “ether”, or write ether host 00:11:22:aa:bb:cc',
  );
}

export function prefixMask(bits: number): number {
  return bits === 0 ? 0 : (ALL_ONES << (32 - bits)) >>> 0;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

function maskNeedsNet(span: Primitive['span']) {
  return syntaxFault(span, 'only networks have a mask or a prefix length', 'write net instead of host: net 10.0.0.0/8');
}

function wrongProtocol(protocol: string, type: string, what: string | undefined, span: Primitive['span']) {
  return syntaxFault(
    span,
    `“${protocol}” does not carry ${what ?? `what “${type}” looks for`}`,
    what ? 'leave out the protocol' : `${protocol} and ${type} …, if both must hold`,
  );
}

function brokenTable({ span }: Primitive, name: string, text: string) {
  return syntaxFault(span, `the table of names has no address for “${shortened(name)}” but “${shortened(text)}”`);
}
