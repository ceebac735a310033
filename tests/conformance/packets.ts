import type { Packet } from '@bpfleet/bpf';
import type { Random } from './random.js';

/** What a filter compares: at which bytes, under which mask, and with what. */
export interface Aim {
  /** Undefined: behind the IPv4 header. */
  readonly base: 'packet' | 'ipv4-payload';
  readonly offset: number;
  readonly size: number;
  readonly mask: number;
  readonly operand: number;
}

const KINDS = [
  'tcp',
  'udp',
  'sctp',
  'icmp',
  'fragment',
  'tcp6',
  'udp6',
  'sctp6',
  'icmp6',
  'fragment6',
  'arp',
  'rarp',
  'other',
] as const;
const NUMBERS: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  sctp: 132,
  icmp: 1,
  fragment: 6,
  tcp6: 6,
  udp6: 17,
  sctp6: 132,
  icmp6: 58,
  fragment6: 44,
};

/**
 * A random Ethernet frame aimed at a filter: of one of the kinds it can tell apart, then some of the compared fields set
 * to the value asked for, or just beside it. One in `shortPercent` is cut short, the others have 60 bytes or more and a
 * total length that agrees.
 */
export function randomPacket(random: Random, aims: readonly Aim[], shortPercent: number): Packet {
  const kind = random.of(KINDS);
  const length = 60 + random.below(40);
  const bytes = Uint8Array.from({ length }, () => (random.chance(50) ? random.below(256) : 0));
  const headerBytes = 4 * random.of([5, 5, 5, 6, 8]);
  writeHeaders(bytes, kind, headerBytes, random);
  for (const aim of aims) {
    // Fields that say what kind of packet this is keep their values more often, so that deep tests are reached.
    const decidesKind = aim.offset === 12 || (aim.size === 1 && aim.base === 'packet');
    if (!random.chance(decidesKind ? 15 : aims.length > 12 ? 25 : 45)) continue;
    const at = aim.base === 'packet' ? aim.offset : aim.offset + headerBytes;
    write(bytes, at, aim.size, aim.mask, aimedValue(random, aim));
  }
  const capturedLength = random.chance(shortPercent) ? random.below(60) : length;
  return { bytes, start: 0, capturedLength, wireLength: capturedLength };
}

function aimedValue(random: Random, { operand }: Aim): number {
  return random.chance(75) ? operand : operand + random.of([-1, 1]);
}

function write(bytes: Uint8Array, at: number, size: number, mask: number, value: number): void {
  for (let index = 0; index < size; index++) {
    const shift = 8 * (size - 1 - index);
    const keep = (~mask >>> shift) & 0xff;
    const before = bytes[at + index];
    if (before !== undefined) bytes[at + index] = (before & keep) | ((value >>> shift) & 0xff & ~keep);
  }
}

function writeHeaders(bytes: Uint8Array, kind: (typeof KINDS)[number], headerBytes: number, random: Random): void {
  const view = new DataView(bytes.buffer);
  if (kind === 'other') return;
  if (kind === 'arp' || kind === 'rarp') {
    view.setUint16(12, kind === 'arp' ? 0x0806 : 0x8035);
    return;
  }
  const number = NUMBERS[kind] ?? 0;
  if (kind.endsWith('6')) {
    view.setUint16(12, 0x86dd);
    view.setUint16(18, bytes.length - 54);
    bytes[20] = number;
    if (kind === 'fragment6') bytes[54] = random.of([6, 17, 58, 132]);
    return;
  }
  view.setUint16(12, 0x0800);
  bytes[14] = 0x40 | (headerBytes / 4);
  view.setUint16(16, bytes.length - 14);
  view.setUint16(20, kind === 'fragment' ? random.of([0x2000, 1, 0x1fff, 0x4000]) : random.of([0, 0x4000]));
  bytes[23] = number;
}
