import { Ancillary, SKF_AD_OFF, SKF_LL_OFF, SKF_NET_OFF } from '../opcodes.js';
import type { Packet, PacketMetadata } from './packet.js';

/** A load behind the packet's end: the program returns 0. */
export const OUTSIDE = -2;
/** A load of what only the machine that saw the packet knew: bytes that were cut off, or metadata nobody kept. */
export const UNKNOWN = -1;

/** `size` bytes at `offset`, big-endian, as an unsigned number; or OUTSIDE, or UNKNOWN. */
export function loadBytes(packet: Packet, offset: number, size: number): number {
  const from = placeOf(packet, offset);
  if (from === OUTSIDE) return OUTSIDE;
  const end = from + size;
  if (end > packet.capturedLength) return end <= packet.wireLength ? UNKNOWN : OUTSIDE;
  let value = 0;
  for (let index = from; index < end; index++) value = value * 256 + (packet.bytes[packet.start + index] ?? 0);
  return value;
}

/**
 * Where in the packet a load at this offset begins, or OUTSIDE.
 * `bpf_internal_load_pointer_neg_helper`: offsets with the top bit set count from a header's start.
 */
export function placeOf(packet: Packet, offset: number): number {
  if (offset < 0x8000_0000) return offset;
  // Only here: self-tests watch which packets are asked for their metadata.
  if (offset >= SKF_NET_OFF) {
    const networkOffset = packet.metadata?.networkOffset;
    return networkOffset === undefined ? OUTSIDE : networkOffset + (offset - SKF_NET_OFF);
  }
  return offset >= SKF_LL_OFF ? offset - SKF_LL_OFF : OUTSIDE;
}

/**
 * What an absolute load at `k` ≥ SKF_AD_OFF puts into A, whatever its size.
 * A packet without metadata is as one on a Unix socket: no device (so `ifindex` ends the program), no tag, type 0.
 */
export function loadAncillary(metadata: PacketMetadata | undefined, k: number, a: number, x: number): number {
  switch (k - SKF_AD_OFF) {
    case Ancillary.PROTOCOL:
      return metadata?.protocol ?? 0;
    case Ancillary.PKTTYPE:
      return metadata?.packetType ?? 0;
    case Ancillary.IFINDEX:
      return metadata?.interfaceIndex ?? OUTSIDE;
    case Ancillary.ALU_XOR_X:
      return (a ^ x) >>> 0;
    case Ancillary.VLAN_TAG:
      return metadata?.vlanTci ?? 0;
    case Ancillary.VLAN_TAG_PRESENT:
      return metadata?.vlanTagPresent ? 1 : 0;
    case Ancillary.VLAN_TPID:
      return metadata?.vlanProtocol ?? 0;
    default:
      return UNKNOWN;
  }
}
