import type { PacketMetadata } from '@bpfleet/bpf';

/**
 * The packet at hand, as a source shows it: one object, filled anew for each packet, valid during the call. Its bytes are
 * those that the kernel's program saw: an outer VLAN tag is in the metadata.
 */
export interface ReadPacket extends PacketMetadata {
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly capturedLength: number;
  readonly wireLength: number;
  /** `PacketFlag.aggregated`, or 0. */
  readonly flags: number;
}

/** `PACKET_OUTGOING` of include/uapi/linux/if_packet.h. */
export const PACKET_OUTGOING = 4;
