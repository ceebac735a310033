import type { Packet, PacketMetadata } from '@bpfleet/bpf';
import type { Random } from '../random.js';
import { ICMP6_TYPES, IPV4, IPV6, MACS, PORTS, PROTOCOLS, VLAN_IDS } from './pools.js';

const bigEndian = (value: bigint | number, size: number): number[] =>
  Array.from({ length: size }, (_, index) => Number((BigInt(value) >> BigInt(8 * (size - 1 - index))) & 255n));
const noise = (random: Random, length: number): number[] => Array.from({ length }, () => random.below(256));

/** An Ethernet frame with tags, IPv4 with options or IPv6 with extension headers, some of them cut off. */
export function randomFrame(random: Random, live: boolean): { packet: Packet; isCut: boolean } {
  const tags = Array.from({ length: random.of([0, 0, 0, 1, 1, 2, 2, 3]) }, () => [
    ...bigEndian(random.of([0x8100, 0x8100, 0x88a8, 0x9100]), 2),
    ...bigEndian(random.of(VLAN_IDS) | (random.below(16) << 12), 2),
  ]);
  const whole = [
    ...bigEndian(random.of(MACS), 6),
    ...bigEndian(random.of(MACS), 6),
    ...tags.flat(),
    ...carried(random),
    ...noise(random, 40 + random.below(40)),
  ];
  const length = random.chance(10) ? random.below(whole.length) : whole.length;
  const bytes = Uint8Array.from(whole.slice(0, length));
  const packet = { bytes, start: 0, capturedLength: bytes.length, wireLength: bytes.length };
  const isCut = length < whole.length;
  return { isCut, packet: live ? { ...packet, metadata: metadata(random) } : packet };
}

function metadata(random: Random): PacketMetadata {
  const vlanTagPresent = random.chance(50);
  const vlanTci = vlanTagPresent ? random.of(VLAN_IDS) | (random.below(16) << 12) : 0;
  return { protocol: 0x0800, packetType: 0, interfaceIndex: 1, vlanTagPresent, vlanTci, vlanProtocol: 0x8100 };
}

/** From the EtherType on. */
function carried(random: Random): number[] {
  switch (random.below(10)) {
    case 0:
      return [...bigEndian(random.of([0x0806, 0x8035]), 2), ...arp(random)];
    case 1:
      return noise(random, 60);
    case 2:
    case 3:
    case 4:
      return [0x08, 0x00, ...ipv4(random)];
    default:
      return [0x86, 0xdd, ...ipv6(random)];
  }
}

function arp(random: Random): number[] {
  const side = () => [...noise(random, 6), ...bigEndian(random.of(IPV4), 4)];
  return [0, 1, 8, 0, 6, 4, 0, 1, ...side(), ...side()];
}

function ipv4(random: Random): number[] {
  const words = random.of([5, 5, 6, 15]);
  const protocol = random.of(PROTOCOLS);
  return [
    ...[0x40 | words, 0, 0, 60, 0, 0],
    ...bigEndian(random.of([0, 0, 0x4000, 0x2000, 1, 0x2001]), 2),
    ...[random.below(256), protocol, 0, 0],
    ...bigEndian(random.of(IPV4), 4),
    ...bigEndian(random.of(IPV4), 4),
    ...noise(random, 4 * words - 20),
    ...transport(random, protocol),
  ];
}

function ipv6(random: Random): number[] {
  const headers = Array.from({ length: random.of([0, 0, 1, 1, 2, 3, 4, 6]) }, () => random.of([0, 43, 44, 44, 51, 60]));
  const protocol = random.chance(95) ? random.of(PROTOCOLS) : 59;
  const chain = headers.flatMap((header, index) => extension(random, header, headers[index + 1] ?? protocol));
  return [
    ...[0x60, 0, 0, 0, 0, 60, headers[0] ?? protocol, random.below(256)],
    ...bigEndian(random.of(IPV6), 16),
    ...bigEndian(random.of(IPV6), 16),
    ...chain,
    ...transport(random, protocol),
  ];
}

/** RFC 8200, section 4, and RFC 4302. What is reserved may hold anything. */
function extension(random: Random, header: number, next: number): number[] {
  if (header === 44) {
    const offset = random.of([0, 0, 0, 1, 0x1fff, random.below(0x2000)]);
    const reserved = random.of([0, 0, 1, random.below(256)]);
    return [next, reserved, ...bigEndian((offset << 3) | random.below(8), 2), ...noise(random, 4)];
  }
  const length = random.below(4);
  return [next, length, ...noise(random, header === 51 ? 4 * (length + 2) - 2 : 8 * (length + 1) - 2)];
}

function transport(random: Random, protocol: number): number[] {
  const first = protocol === 58 ? [random.of(ICMP6_TYPES), 0] : bigEndian(random.of(PORTS), 2);
  return [...first, ...bigEndian(random.of(PORTS), 2), ...noise(random, 16)];
}
