/** What a frame carries: `other` is an EtherType that is not taken apart, `none` a frame too short to say. */
export type Network = 'none' | 'ip' | 'ip6' | 'arp' | 'other';
export type Transport = 'none' | 'tcp' | 'udp' | 'icmp' | 'icmp6' | 'sctp';

/**
 * The headers of one packet as offsets into its bytes. One object serves many packets: `dissect` resets it first.
 * A field that the packet does not have, or that was cut off, is -1.
 */
export class Dissection {
  linkType = -1;
  /** Where the captured bytes begin and end. */
  start = 0;
  end = 0;
  /** A header reaches past the captured bytes; fields before the cut are set. */
  isTruncated = false;

  /** Offsets of the 6-byte addresses. */
  linkDestinationOffset = -1;
  linkSourceOffset = -1;
  /** After VLAN tags; below 0x600 an 802.3 length. */
  etherType = -1;
  /** Id of the outermost tag (802.1Q, 802.1ad), and of the one inside it. */
  vlanId = -1;
  innerVlanId = -1;

  network: Network = 'none';
  networkOffset = -1;
  /** As the network header says, not counting Ethernet padding; -1 when it does not say. */
  networkLength = -1;
  /** Bytes of an address: 4, 16, or 0 without addresses. */
  addressLength = 0;
  sourceOffset = -1;
  destinationOffset = -1;
  /** IP protocol number, of IPv6 the one after the extension headers. */
  protocol = -1;
  /** In bytes; 0 for the first fragment and for a whole packet. */
  fragmentOffset = 0;
  hasMoreFragments = false;

  transport: Transport = 'none';
  transportOffset = -1;
  sourcePort = -1;
  destinationPort = -1;
  /** FIN is bit 0, as in the header's byte 13 (RFC 9293, 3.1). */
  tcpFlags = -1;
  icmpType = -1;
  icmpCode = -1;

  /** What follows the last header that was taken apart; its length as the headers say. Both may pass `end`. */
  payloadOffset = -1;
  payloadLength = -1;

  reset(linkType: number, start: number, end: number): void {
    this.linkType = linkType;
    this.start = start;
    this.end = end;
    this.isTruncated = false;
    this.linkDestinationOffset = -1;
    this.linkSourceOffset = -1;
    this.etherType = -1;
    this.vlanId = -1;
    this.innerVlanId = -1;
    this.network = 'none';
    this.networkOffset = -1;
    this.networkLength = -1;
    this.addressLength = 0;
    this.sourceOffset = -1;
    this.destinationOffset = -1;
    this.protocol = -1;
    this.fragmentOffset = 0;
    this.hasMoreFragments = false;
    this.transport = 'none';
    this.transportOffset = -1;
    this.sourcePort = -1;
    this.destinationPort = -1;
    this.tcpFlags = -1;
    this.icmpType = -1;
    this.icmpCode = -1;
    this.payloadOffset = -1;
    this.payloadLength = -1;
  }

  /** Whether `[offset, offset + length)` was captured; notes a cut when it was not. */
  has(offset: number, length: number): boolean {
    if (offset + length <= this.end) return true;
    this.isTruncated = true;
    return false;
  }
}
