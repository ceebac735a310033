import type { Packet } from '@bpfleet/bpf';
import type { PrefilterToken } from '@bpfleet/pcap-filter';
import type { LinkForm } from '../link-types.js';

/**
 * Whether an index gives the packet the token that takes every four bytes for an IPv4 address, every two for a port, a
 * type and a VLAN tag, every byte for a protocol. Right for every filter, so a prefilter that does not hold
 * even here and a filter that does contradict each other.
 */
export function isInSomeWindow(token: PrefilterToken, packet: Packet, form: LinkForm): boolean {
  const bytes = packet.bytes.subarray(packet.start, packet.start + packet.capturedLength);
  switch (token.kind) {
    case 'ipv4':
      return occurs(bytes, bytesOf(token.address).slice(0, token.bits / 8), 4);
    case 'ipv6':
      return occurs(bytes, token.address.flatMap(bytesOf).slice(0, token.bits / 8), 16);
    case 'port':
      return occurs(bytes, bytesOf(token.port).slice(2), 2);
    case 'mac':
      return occurs(bytes, token.address, 6);
    case 'vlan':
      return hasTag(bytes, token.id) || (isTagged(packet) && ((packet.metadata?.vlanTci ?? 0) & 0xfff) === token.id);
    case 'ethertype':
      return hasType(bytes, token.value, form) || (token.value === 0x8100 && isTagged(packet));
    case 'protocol':
      return bytes.includes(token.value);
  }
}

const bytesOf = (word: number): number[] => [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff);
const isTagged = ({ metadata }: Packet): boolean => metadata?.vlanTagPresent === true;

/** At a place where `size` bytes could stand. */
function occurs(bytes: Uint8Array, wanted: readonly number[], size: number): boolean {
  for (let at = bytes.indexOf(wanted[0] ?? 0); at >= 0; at = bytes.indexOf(wanted[0] ?? 0, at + 1)) {
    if (at + size > bytes.length) return false;
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}

function hasTag(bytes: Uint8Array, id: number): boolean {
  return bytes.some((byte, at) => ((byte & 0xf) << 8) + (bytes[at + 1] ?? -1) === id);
}

/** As PPP calls them. */
const PPP: ReadonlyMap<number, number> = new Map([
  [0x0800, 0x21],
  [0x86dd, 0x57],
  [0x8847, 0x281],
]);

/** Also where no EtherType says so: IP by a version's nibble, by an address family, behind MPLS labels. */
function hasType(bytes: Uint8Array, value: number, { linkType }: LinkForm): boolean {
  const isWritten = (number: number) => occurs(bytes, [number >> 8, number & 0xff], 2);
  if (isWritten(value) || isWritten(PPP.get(value) ?? value)) return true;
  const isIp = value === 0x0800 || value === 0x86dd;
  const tellsOtherwise = ['RAW', 'IPV4', 'IPV6', 'NULL', 'LOOP'].includes(linkType);
  return isIp && (tellsOtherwise || isWritten(0x8847) || isWritten(0x0281));
}
