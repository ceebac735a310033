import { interpret, type Packet } from '@bpfleet/bpf';
import { compile, type ExcludedEndpoint } from '@bpfleet/pcap-filter';
import type { Random } from '../random.js';

export const ENDPOINTS: readonly ExcludedEndpoint[] = [
  { address: '10.0.0.1', port: 9092 },
  { address: '10.0.0.1', port: 443 },
  { address: '10.0.0.2', port: 9092 },
  { address: '2001:db8::1', port: 9092 },
  { address: '2001:db8::2', port: 443 },
];

/**
 * The endpoints as expressions of the filter language: another way to the same answer. One program for each side of each, since
 * in a joined one the first load outside a short packet would end the program before another side is looked at.
 */
const SIDES = ENDPOINTS.flatMap(({ address, port }) =>
  ['src', 'dst'].map((side) => compile(`tcp and ${side} host ${address} and ${side} port ${port}`).program),
);

export function isOwnTraffic(packet: Packet): boolean {
  return SIDES.some((program) => interpret(program, packet) !== 0);
}

/** An Ethernet frame that is mostly TCP and mostly between what could be endpoints, whole or cut to a length. */
export function ownFrame(random: Random): Uint8Array {
  const frame = random.chance(50) ? ipv4Frame(random) : ipv6Frame(random);
  return random.chance(70) ? frame : frame.slice(0, 1 + random.below(frame.length));
}

function ipv4Frame(random: Random): Uint8Array {
  const headerBytes = random.of([20, 20, 24, 60, 0]);
  const bytes = new Uint8Array(14 + 60 + 20);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  bytes[14] = 0x40 | (headerBytes / 4);
  view.setUint16(20, random.of([0, 0, 0, 0x4000, 0x2000, 0x0001]));
  bytes[23] = random.of([6, 6, 6, 17]);
  for (const at of [26, 30]) view.setUint32(at, 0x0a00_0000 + random.below(3));
  for (const at of [0, 2]) view.setUint16(14 + headerBytes + at, random.of([9092, 9092, 443, 1024]));
  return bytes;
}

function ipv6Frame(random: Random): Uint8Array {
  const bytes = new Uint8Array(14 + 40 + 20);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x86dd);
  bytes[14] = 0x60;
  bytes[20] = random.of([6, 6, 6, 17, 44]);
  for (const at of [22, 38]) {
    view.setUint32(at, random.of([0x2001_0db8, 0x2001_0db8, 0xfe80_0000]));
    view.setUint32(at + 12, random.below(3));
  }
  for (const at of [54, 56]) view.setUint16(at, random.of([9092, 9092, 443, 1024]));
  return bytes;
}
