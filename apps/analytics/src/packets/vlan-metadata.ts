import type { PacketMetadata } from '@bpfleet/bpf';
import { PacketFlag } from '@bpfleet/section';
import type { StoredPacket } from './stored-packet.js';

export const TAG_BYTES = 4;
/** Where the tag was put back: behind the two addresses. */
export const TAG_OFFSET = 12;

/** Whether the kernel had the outer tag beside the bytes (design: "VLAN rule"). */
export const isTagMetadata = ({ flags }: Pick<StoredPacket, 'flags'>): boolean =>
  (flags & PacketFlag.vlanTagWasMetadata) !== 0;

export function copyWithoutTag(bytes: Uint8Array, { start, capturedLength }: StoredPacket, into: Uint8Array): void {
  into.set(bytes.subarray(start, start + TAG_OFFSET));
  into.set(bytes.subarray(start + TAG_OFFSET + TAG_BYTES, start + capturedLength), TAG_OFFSET);
}

export function tagOf(bytes: Uint8Array, start: number): PacketMetadata {
  const u16 = (offset: number) => (bytes[start + offset]! << 8) | bytes[start + offset + 1]!;
  return {
    protocol: u16(TAG_OFFSET + TAG_BYTES),
    packetType: 0,
    interfaceIndex: 0,
    vlanTagPresent: true,
    vlanProtocol: u16(TAG_OFFSET),
    vlanTci: u16(TAG_OFFSET + 2),
    networkOffset: 14,
  };
}
