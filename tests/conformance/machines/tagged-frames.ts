import type { Random } from '../random.js';

/** Source address of our frames: these two bytes, then the number of the frame. */
export const OURS = 0x0212;
/** The number of the frame that ends a batch. */
export const LAST = 0xffff;

/** An Ethernet frame with no, one or two VLAN tags of any kind, around IPv4, IPv6 or noise. */
export function taggedFrame(random: Random, number: number): Uint8Array {
  const tags = random.of([
    [],
    [0x8100],
    [0x8100],
    [0x88a8],
    [0x9100],
    [0x88a8, 0x8100],
    [0x8100, 0x8100],
    [0x9100, 0x8100],
  ]);
  const isIpv6 = random.chance(25);
  const payload = Uint8Array.from({ length: 46 + random.below(random.of([20, 1400])) }, () => random.below(256));
  const view = new DataView(payload.buffer);
  payload[0] = isIpv6 ? 0x60 : 0x45;
  payload[isIpv6 ? 6 : 9] = random.of([6, 17, 1]);
  if (!isIpv6) view.setUint16(6, random.chance(80) ? 0 : 0x2001);
  view.setUint16(isIpv6 ? 42 : 22, random.of([80, 443, random.below(0x1_0000)]));
  const frame = new Uint8Array(14 + 4 * tags.length + payload.length);
  const head = new DataView(frame.buffer);
  frame.set(
    random.of([
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0x01, 0, 0x5e, 0, 0, 1],
      [2, 0, 0, 0, 0, 9],
    ]),
  );
  head.setUint16(6, OURS);
  head.setUint32(8, number);
  let at = 12;
  for (const tag of tags) {
    head.setUint16(at, tag);
    // Priority, drop-eligible bit, and few ids, so that filters for them match.
    head.setUint16(at + 2, (random.below(16) << 12) | random.of([0, 5, 7, 100, 4095]));
    at += 4;
  }
  head.setUint16(at, random.chance(10) ? 0x1234 : isIpv6 ? 0x86dd : 0x0800);
  frame.set(payload, at + 2);
  return frame;
}
