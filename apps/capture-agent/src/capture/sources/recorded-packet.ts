import type { CapturedPacket } from '@bpfleet/section';
import type { ReadPacket } from '../attribution/read-packet.js';

const ADDRESSES_BYTES = 12;
const TAG_BYTES = 4;
const ETHERNET_HEADER_BYTES = 14;
const TPID_8021Q = 0x8100;
const TPID_8021AD = 0x88a8;
const NS_PER_SECOND = 1_000_000_000n;

/**
 * A packet of a file as the kernel would have shown it to a filter: an outer 802.1Q or 802.1ad tag is in the metadata, as
 * after `skb_vlan_untag`; 0x9100 stays in the bytes. What a file does not tell (direction, interface) is as for a packet to
 * this host.
 */
export function readRecorded(
  recorded: Pick<CapturedPacket, 'bytes' | 'wireLength'>,
  atNs: bigint,
  isEthernet: boolean,
): ReadPacket {
  const { bytes, wireLength } = recorded;
  const common = {
    seconds: Number(atNs / NS_PER_SECOND),
    nanoseconds: Number(atNs % NS_PER_SECOND),
    start: 0,
    flags: 0,
    packetType: 0,
    interfaceIndex: 0,
  };
  const etherType = isEthernet && bytes.length >= ETHERNET_HEADER_BYTES ? halfAt(bytes, 12) : 0;
  const isTagged =
    (etherType === TPID_8021Q || etherType === TPID_8021AD) && bytes.length >= ETHERNET_HEADER_BYTES + TAG_BYTES;
  if (!isTagged) {
    const untagged = { protocol: etherType, vlanTagPresent: false, vlanTci: 0, vlanProtocol: 0 };
    return { ...common, ...untagged, bytes, capturedLength: bytes.length, wireLength };
  }
  const stripped = new Uint8Array(bytes.length - TAG_BYTES);
  stripped.set(bytes.subarray(0, ADDRESSES_BYTES));
  stripped.set(bytes.subarray(ADDRESSES_BYTES + TAG_BYTES), ADDRESSES_BYTES);
  return {
    ...common,
    bytes: stripped,
    capturedLength: stripped.length,
    wireLength: wireLength - TAG_BYTES,
    protocol: halfAt(bytes, 16),
    vlanTagPresent: true,
    vlanTci: halfAt(bytes, 14),
    vlanProtocol: etherType,
  };
}

const halfAt = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) | bytes[at + 1]!;
