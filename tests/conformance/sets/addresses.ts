import type { Random } from '../random.js';

export function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');
}

/** All different. */
export function randomAddresses(random: Random, count: number): readonly number[] {
  const found = new Set<number>();
  while (found.size < count) found.add(random.below(2 ** 32));
  return [...found];
}

/** Ethernet, IPv4, TCP: 60 bytes. */
export function ipv4Frame({
  source = 0,
  destination = 0,
  sourcePort = 0,
  destinationPort = 0,
}: {
  readonly source?: number;
  readonly destination?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}): Uint8Array {
  const bytes = new Uint8Array(60);
  bytes.set([0x08, 0x00, 0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 6], 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(26, source);
  view.setUint32(30, destination);
  view.setUint16(34, sourcePort);
  view.setUint16(36, destinationPort);
  bytes[46] = 0x50;
  return bytes;
}
