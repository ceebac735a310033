import type { Known } from './known-bits.js';
import type { PacketKind } from './specialise.js';

const ETHERTYPE = 12;
const VERSION_AND_LENGTH = 14;
const FRAGMENT_OFFSET = 20;
const PROTOCOL = 23;

const byte = (value: number): Known => ({ mask: 0xff, value });

/** Ethernet, IPv4 without options, first fragment or whole: where the transport header stands is known. */
const overIpv4 = (protocol: number, headerBytes: number): PacketKind => ({
  leastBytes: 34 + headerBytes,
  bytes: new Map([
    [ETHERTYPE, byte(0x08)],
    [ETHERTYPE + 1, byte(0x00)],
    [VERSION_AND_LENGTH, byte(0x45)],
    [FRAGMENT_OFFSET, { mask: 0x1f, value: 0 }],
    [FRAGMENT_OFFSET + 1, byte(0)],
    [PROTOCOL, byte(protocol)],
  ]),
});

/** Most packets of most networks. Whether a packet is of a kind is told by its bytes alone, whatever its link type. */
export const packetKinds: readonly PacketKind[] = [overIpv4(6, 20), overIpv4(17, 8)];

/** A condition on `bytes`, `at` and `captured`. */
export function kindCode({ leastBytes, bytes }: PacketKind): string {
  const tests = [...bytes].map(([offset, { mask, value }]) => `(bytes[at + ${offset}] & ${mask}) === ${value}`);
  return [`captured >= ${leastBytes}`, ...tests].join(' && ');
}
