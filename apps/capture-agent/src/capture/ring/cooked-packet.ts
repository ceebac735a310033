import type { ReadPacket } from '../attribution/read-packet.js';
import type { RingPacket } from './ring-packet.js';

/** `struct sll2_header` of libpcap's sll.h: all fields big-endian. */
const SLL2 = {
  protocol: 0,
  interfaceIndex: 4,
  hardwareType: 8,
  packetType: 10,
  addressLength: 11,
  address: 12,
} as const;
const HEADER_BYTES = 20;
const ADDRESS_BYTES = 8;
const LARGEST_PACKET_BYTES = 262_144;

/**
 * A packet of a socket that leaves the link-layer header out, with a LINUX_SLL2 header in front: as it is filtered in user
 * space and stored. One object for all packets.
 */
export class CookedPacket implements ReadPacket {
  readonly bytes = new Uint8Array(LARGEST_PACKET_BYTES);
  readonly #view = new DataView(this.bytes.buffer);
  readonly start = 0;
  capturedLength = 0;
  wireLength = 0;

  constructor(private readonly packet: RingPacket) {}

  /** Takes over what the ring shows now. */
  take(): void {
    const { packet, bytes } = this;
    const view = this.#view;
    view.setUint16(SLL2.protocol, packet.protocol);
    view.setUint32(SLL2.interfaceIndex, packet.interfaceIndex);
    view.setUint16(SLL2.hardwareType, packet.hardwareType);
    view.setUint8(SLL2.packetType, packet.packetType);
    const addressLength = Math.min(packet.addressLength, ADDRESS_BYTES);
    view.setUint8(SLL2.addressLength, addressLength);
    bytes.fill(0, SLL2.address, HEADER_BYTES);
    for (let i = 0; i < addressLength; i++) bytes[SLL2.address + i] = packet.bytes[packet.addressStart + i]!;
    const kept = Math.min(packet.capturedLength, LARGEST_PACKET_BYTES - HEADER_BYTES);
    bytes.set(packet.bytes.subarray(packet.start, packet.start + kept), HEADER_BYTES);
    this.capturedLength = HEADER_BYTES + kept;
    this.wireLength = HEADER_BYTES + packet.wireLength;
  }

  get seconds(): number {
    return this.packet.seconds;
  }
  get nanoseconds(): number {
    return this.packet.nanoseconds;
  }
  get flags(): number {
    return this.packet.flags;
  }
  get protocol(): number {
    return this.packet.protocol;
  }
  get packetType(): number {
    return this.packet.packetType;
  }
  get interfaceIndex(): number {
    return this.packet.interfaceIndex;
  }
  get vlanTagPresent(): boolean {
    return this.packet.vlanTagPresent;
  }
  get vlanTci(): number {
    return this.packet.vlanTci;
  }
  get vlanProtocol(): number {
    return this.packet.vlanProtocol;
  }
}
