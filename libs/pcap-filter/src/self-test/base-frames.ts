import { fillerAt } from './draft.js';

/** Frames to start from: TCP over IPv4 and UDP over IPv6, whole, with lengths that agree, of the link type. */
export function baseFrames(linkType: string): readonly Uint8Array[] {
  const frames = [inFrame(linkType, IPV4, tcpOverIpv4()), inFrame(linkType, IPV6, udpOverIpv6())];
  if (linkType === 'IPV4') return frames.slice(0, 1).map((frame) => Uint8Array.from(frame));
  return frames.map((frame) => Uint8Array.from(frame));
}

interface Carried {
  readonly etherType: number;
  readonly ppp: number;
  /** AF_INET, and AF_INET6 of most systems with such a loopback. */
  readonly family: number;
}
const IPV4: Carried = { etherType: 0x0800, ppp: 0x21, family: 2 };
const IPV6: Carried = { etherType: 0x86dd, ppp: 0x57, family: 30 };

const PAYLOAD = Array.from({ length: 32 }, (_, index) => fillerAt(index));
/** Documentation addresses: RFC 7042, RFC 5737, RFC 3849. */
const MAC = { source: [0x00, 0x00, 0x5e, 0x00, 0x53, 0x0a], destination: [0x00, 0x00, 0x5e, 0x00, 0x53, 0x14] };

function tcpOverIpv4(): number[] {
  const tcp = [0xc3, 0x05, 0x1f, 0x93, 0x3b, 0x9a, 0xca, 0x07, 0x77, 0x35, 0x94, 0x0b, 0x50, 0x18, 0x72, 0x10];
  const body = [...tcp, 0x5d, 0x3f, 0, 0, ...PAYLOAD];
  const head = [0x45, 0, ...u16(20 + body.length), 0x2b, 0x67, 0x40, 0, 64, 6, 0x9c, 0x4e];
  return [...head, 192, 0, 2, 10, 198, 51, 100, 20, ...body];
}

function udpOverIpv6(): number[] {
  const body = [0xc3, 0x05, 0x1f, 0x93, ...u16(8 + PAYLOAD.length), 0x5d, 0x3f, ...PAYLOAD];
  const address = (last: number) => [0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, last];
  return [0x60, 0, 0, 0, ...u16(body.length), 17, 64, ...address(10), ...address(20), ...body];
}

function inFrame(linkType: string, { etherType, ppp, family }: Carried, packet: readonly number[]): number[] {
  switch (linkType) {
    case 'EN10MB':
      return [...MAC.destination, ...MAC.source, ...u16(etherType), ...packet];
    case 'LINUX_SLL':
      return [0, 0, 0, 1, 0, 6, ...MAC.source, 0, 0, ...u16(etherType), ...packet];
    case 'LINUX_SLL2':
      return [...u16(etherType), 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, ...MAC.source, 0, 0, ...packet];
    case 'NULL':
      return [family, 0, 0, 0, ...packet];
    case 'LOOP':
      return [0, 0, 0, family, ...packet];
    case 'PPP':
      return [0xff, 3, ...u16(ppp), ...packet];
    case 'IEEE802_11':
      return wireless(etherType, packet);
    case 'IEEE802_11_RADIO':
      return [0, 0, 8, 0, 0, 0, 0, 0, ...wireless(etherType, packet)];
    default:
      return [...packet];
  }
}

/** A data frame from the distribution system, with an LLC and SNAP header. */
function wireless(etherType: number, packet: readonly number[]): number[] {
  const addresses = [...MAC.destination, 0x00, 0x00, 0x5e, 0x00, 0x53, 0x01, ...MAC.source];
  return [0x08, 0x02, 0x2c, 0, ...addresses, 0x30, 0x12, 0xaa, 0xaa, 3, 0, 0, 0, ...u16(etherType), ...packet];
}

function u16(value: number): number[] {
  return [value >>> 8, value & 0xff];
}
