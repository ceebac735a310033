import type { Packet } from '@bpfleet/bpf';

/** A packet as the kernel shows it to a filter: the outer VLAN tag is in the metadata, not in the bytes. */
export interface StrippedPacket {
  readonly view: Packet;
  readonly vlan: { readonly tpid: number; readonly tci: number } | undefined;
}

const ADDRESSES_BYTES = 12;
const TAG_BYTES = 4;
const TPID_8021Q = 0x8100;
const TPID_8021AD = 0x88a8;
const ETHERNET_HEADER_BYTES = 14;

/** Strips an outer 802.1Q or 802.1ad tag as `skb_vlan_untag` does on receive; 0x9100 stays, as in the kernel. */
export function withoutOuterTag(packet: { bytes: Uint8Array; wireLength: number }): StrippedPacket {
  const { bytes, wireLength } = packet;
  const etherType = bytes.length >= ETHERNET_HEADER_BYTES ? (bytes[12]! << 8) | bytes[13]! : 0;
  const tagged = etherType === TPID_8021Q || etherType === TPID_8021AD;
  if (!tagged || bytes.length < ETHERNET_HEADER_BYTES + TAG_BYTES) {
    return { view: { bytes, start: 0, capturedLength: bytes.length, wireLength }, vlan: undefined };
  }
  const tci = (bytes[14]! << 8) | bytes[15]!;
  const stripped = new Uint8Array(bytes.length - TAG_BYTES);
  stripped.set(bytes.subarray(0, ADDRESSES_BYTES));
  stripped.set(bytes.subarray(ADDRESSES_BYTES + TAG_BYTES), ADDRESSES_BYTES);
  const metadata = {
    protocol: (bytes[16]! << 8) | bytes[17]!,
    packetType: 0,
    interfaceIndex: 0,
    vlanTagPresent: true,
    vlanTci: tci,
    vlanProtocol: etherType,
  };
  return {
    view: {
      bytes: stripped,
      start: 0,
      capturedLength: stripped.length,
      wireLength: wireLength - TAG_BYTES,
      metadata,
    },
    vlan: { tpid: etherType, tci },
  };
}
