import type { Packet } from '@bpfleet/bpf';
import type { LinkForm } from '../link-types.js';

/** Offsets of the EtherType (undefined: none) and the payload. */
const PLACES: Readonly<Record<string, readonly [type: number | undefined, payload: number]>> = {
  EN10MB: [12, 14],
  LINUX_SLL: [14, 16],
  LINUX_SLL2: [0, 20],
  RAW: [undefined, 0],
  IPV4: [undefined, 0],
  IPV6: [undefined, 0],
  NULL: [undefined, 4],
  LOOP: [undefined, 4],
  PPP: [undefined, 4],
};

/**
 * Whether this is a whole frame (60 bytes or more) whose outermost IP header, directly behind the link header, tells a length
 * that fits. On such a frame no filter on named fields loads outside the packet.
 */
export function isWholeFrame({ bytes, wireLength }: Packet, { linkType }: LinkForm): boolean {
  const place = PLACES[linkType];
  if (place === undefined || wireLength < 60) return false;
  const [typeAt, at] = place;
  const u16 = (offset: number) => (bytes[offset] ?? 0) * 256 + (bytes[offset + 1] ?? 0);
  const version = (bytes[at] ?? 0) >> 4;
  if (typeAt !== undefined && u16(typeAt) !== (version === 4 ? 0x0800 : 0x86dd)) return false;
  if (version === 4) {
    const headerBytes = 4 * ((bytes[at] ?? 0) & 15);
    const length = u16(at + 2);
    return headerBytes >= 20 && length >= headerBytes + 20 && at + length <= wireLength;
  }
  return version === 6 && u16(at + 4) >= 20 && at + 40 + u16(at + 4) <= wireLength;
}
