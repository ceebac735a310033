/** What the kernel knows of a packet beside its bytes, as far as programs can read it (`SKF_AD_*`). */
export interface PacketMetadata {
  /** EtherType of the packet as the kernel delivers it, host byte order. */
  readonly protocol: number;
  /** `PACKET_HOST` 0 … `PACKET_OUTGOING` 4 (include/uapi/linux/if_packet.h). */
  readonly packetType: number;
  readonly interfaceIndex: number;
  /** On receive the kernel takes the outer tag out of the bytes; then it is here. */
  readonly vlanTagPresent: boolean;
  readonly vlanTci: number;
  readonly vlanProtocol: number;
  /** Where the network header starts; loads at `SKF_NET_OFF` count from there. */
  readonly networkOffset?: number;
}

/** One packet inside a larger buffer; nothing is copied. */
export interface Packet {
  readonly bytes: Uint8Array;
  readonly start: number;
  /** How much of the packet is in `bytes`. */
  readonly capturedLength: number;
  /** How long the packet was; never less than `capturedLength`. */
  readonly wireLength: number;
  readonly metadata?: PacketMetadata;
}
