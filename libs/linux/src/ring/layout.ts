/**
 * The layout of a TPACKET_V3 receive ring: include/uapi/linux/if_packet.h. Byte offsets; host byte order.
 *
 *     ring    = block, block, …                        each `tp_block_size` bytes
 *     block   = BLOCK header, packets…                 the first at BLOCK.firstPacket
 *     packet  = PACKET header, sockaddr_ll, gap, bytes the next at PACKET.next, its bytes at PACKET.mac
 */

/** `struct tpacket_req3`: how much the kernel sets aside. */
export interface RingGeometry {
  /** A multiple of the page size. At least 256 KiB, or GRO frames (64 KiB) fill a block with three packets. */
  readonly blockBytes: number;
  readonly blockCount: number;
}

/** `struct tpacket_block_desc` (version, offset_to_priv) with `struct tpacket_hdr_v1`, from the block's start. */
export const BLOCK = {
  /** `block_status`: whose block it is. Written last by the kernel, behind a barrier (`prb_flush_block`). */
  status: 8,
  /** `num_pkts` */
  packetCount: 12,
  /** `offset_to_first_pkt` */
  firstPacket: 16,
  /** `blk_len`: bytes used, this header included */
  lengthBytes: 20,
  /** `seq_num`, 64 bits, 8-aligned: counts blocks from 1 */
  sequence: 24,
  /** `ts_first_pkt`: when the kernel opened the block (`prb_open_block`), seconds then nanoseconds */
  openedSeconds: 32,
  openedNanoseconds: 36,
  /** `sizeof(struct tpacket_block_desc)` */
  headerBytes: 48,
} as const;

/** `struct tpacket3_hdr`, then at TPACKET_ALIGN(sizeof) = 48 `struct sockaddr_ll`, from the packet's start. */
export const PACKET = {
  /** `tp_next_offset`, from this header; 0 at the last packet of a block closed early */
  next: 0,
  /** `tp_sec`, `tp_nsec` */
  seconds: 4,
  nanoseconds: 8,
  /** `tp_snaplen`: bytes present */
  capturedLength: 12,
  /** `tp_len`: bytes the packet had, without a VLAN tag that was stripped */
  wireLength: 16,
  /** `tp_status`: flags TP_STATUS_* */
  status: 20,
  /** `tp_mac`, 16 bits: where the bytes start, from this header */
  mac: 24,
  /** `hv1.tp_vlan_tci`, 32 bits of which 16 are used; valid with TP_STATUS_VLAN_VALID */
  vlanTci: 32,
  /** `hv1.tp_vlan_tpid`, 16 bits; valid with TP_STATUS_VLAN_TPID_VALID */
  vlanTpid: 36,
  /** `sll_protocol`, 16 bits, network order */
  protocol: 48 + 2,
  /** `sll_ifindex` */
  interfaceIndex: 48 + 4,
  /** `sll_hatype`, 16 bits: ARPHRD_* */
  hardwareType: 48 + 8,
  /** `sll_pkttype`, 8 bits: PacketType */
  packetType: 48 + 10,
  /** `sll_halen`, 8 bits */
  addressLength: 48 + 11,
  /** `sll_addr`, 8 bytes */
  address: 48 + 12,
  /** TPACKET3_HDRLEN = 48 + sizeof(struct sockaddr_ll) */
  headerBytes: 68,
} as const;

/** `tp_status` and `block_status`. A block is the kernel's with 0 and ours with `user`. */
export const TP_STATUS = {
  kernel: 0,
  user: 1 << 0,
  /** The packet was longer than the ring's frame and a copy waits on the socket; never asked for here. */
  copy: 1 << 1,
  /** Of a block in TPACKET_V3 (`prb_close_block`): when it was closed, packets dropped since the last PACKET_STATISTICS. */
  losing: 1 << 2,
  /** The checksum was left to the network card: the bytes hold a partial one. Kept as they are. */
  checksumNotReady: 1 << 3,
  /** `vlanTci` holds a tag that was taken out of the bytes. */
  vlanValid: 1 << 4,
  /** Of a block: closed by its timer before it was full. */
  blockTimeout: 1 << 5,
  /** `vlanTpid` holds the tag's EtherType. */
  vlanTpidValid: 1 << 6,
  /** The checksum was verified by the card. */
  checksumValid: 1 << 7,
} as const;

/** `sll_pkttype`: PACKET_HOST and so on. */
export const PacketType = { host: 0, broadcast: 1, multicast: 2, otherHost: 3, outgoing: 4 } as const;
