import type { Packet } from '@bpfleet/bpf';
import type { Random } from '../random.js';
import { bytesOf, mac } from './frames.js';

/** An 802.11 frame of any type (IEEE 802.11, 9.2): data frames carry LLC/SNAP behind 24, 26, 30 or 32 bytes. */
export function wirelessFrame(
  random: Random,
  withRadiotap: boolean,
  etherType: number,
  carried: readonly number[],
): number[] {
  return [...(withRadiotap ? radiotap(random) : []), ...frame(random, etherType, carried)];
}

function frame(random: Random, etherType: number, carried: readonly number[]): number[] {
  const type = random.of([2, 2, 2, 2, 0, 1, 3]);
  const subtype = random.of([0, 8, random.below(16)]);
  const distribution = random.below(4);
  const control = [(subtype << 4) | (type << 2), distribution | (random.chance(10) ? 0x40 : 0)];
  const addresses = [...mac(random), ...mac(random), ...mac(random)];
  if (type !== 2) return [...control, 0, 0, ...addresses, 0, 0, ...bytesOf(random, 40)];
  const fourth = distribution === 3 ? mac(random) : [];
  const quality = subtype & 8 ? [0, 0] : [];
  const snap = etherType === 0 ? [] : [0xaa, 0xaa, 3, 0, 0, 0, etherType >>> 8, etherType & 255];
  return [...control, 0, 0, ...addresses, 0, 0, ...fourth, ...quality, ...snap, ...carried];
}

/** Version, padding, the length as a little-endian number, then fields the filters do not look into. */
function radiotap(random: Random): number[] {
  const length = random.of([8, 8, 12, 18, 24, 36, 36, 264]);
  return [0, 0, length & 255, length >>> 8, ...bytesOf(random, length - 4)];
}

/**
 * Whether radiotap says that a data frame's body stands behind padding (flags, 0x20), and there is some: the body begins at a
 * multiple of four bytes.
 */
export function isBodyPadded({ bytes, start }: Packet): boolean {
  const at = (offset: number) => bytes[start + offset] ?? 0;
  const hasFlags = (at(4) & 0x02) !== 0 && (at(7) & 0x80) === 0;
  const flags = at(at(4) & 0x01 ? 16 : 8);
  const header = at(2) | (at(3) << 8);
  const control = at(header);
  const end = header + 24 + (control & 0x80 ? 2 : 0);
  return hasFlags && (flags & 0x20) !== 0 && (control & 0x0c) === 0x08 && end % 4 !== 0;
}
