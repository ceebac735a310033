import type { ReadPacket } from '../attribution/read-packet.js';

/** `struct sll2_header` of libpcap's sll.h: all fields big-endian. */
const SLL2 = {
  protocol: 0,
  interfaceIndex: 4,
  hardwareType: 8,
  packetType: 10,
  addressLength: 11,
  address: 12,
  bytes: 20,
};
const LARGEST_PACKET_BYTES = 262_144;

/** What a cooked socket tells beside the bytes, for the header that is put in front of them. */
export interface CookedFields {
  readonly hardwareType: number;
  readonly addressLength: number;
  /** Eight bytes at this place of the ring. */
  readonly addressStart: number;
}

/** A packet without its link-layer header, with a LINUX_SLL2 header in front. One object for all packets. */
export class CookedPacket {
  readonly bytes = new Uint8Array(LARGEST_PACKET_BYTES);
  readonly #view = new DataView(this.bytes.buffer);
  capturedLength = 0;
  wireLength = 0;

  /** @param snaplenBytes header included */
  make(packet: ReadPacket & Partial<CookedFields>, snaplenBytes: number): void {
    const bytes = this.bytes;
    const view = this.#view;
    view.setUint16(SLL2.protocol, packet.protocol);
    view.setUint32(SLL2.interfaceIndex, packet.interfaceIndex);
    view.setUint16(SLL2.hardwareType, packet.hardwareType ?? 0);
    view.setUint8(SLL2.packetType, packet.packetType);
    const addressLength = Math.min(packet.addressLength ?? 0, 8);
    view.setUint8(SLL2.addressLength, addressLength);
    for (let i = 0; i < 8; i++)
      bytes[SLL2.address + i] = i < addressLength ? packet.bytes[packet.addressStart! + i]! : 0;
    const room = Math.max(0, Math.min(snaplenBytes, LARGEST_PACKET_BYTES) - SLL2.bytes);
    const kept = Math.min(packet.capturedLength, room);
    bytes.set(packet.bytes.subarray(packet.start, packet.start + kept), SLL2.bytes);
    this.capturedLength = SLL2.bytes + kept;
    this.wireLength = SLL2.bytes + packet.wireLength;
  }
}
