import { BLOCK, PACKET, PacketType, TP_STATUS } from './layout.js';
import { sequenceOf } from './ring-resume.js';

/** EtherType of an 802.1Q tag: what a tag is when the kernel does not say (before TP_STATUS_VLAN_TPID_VALID). */
const ETH_P_8021Q = 0x8100;
/** `sll_addr` holds eight bytes, also of an address that is longer (`sll_halen`). */
const ADDRESS_BYTES = 8;

/**
 * One block of a ring and a cursor over its packets, in capture order:
 *
 *     while (block.next()) section.append(0, block.seconds, block.nanoseconds, block.bytes, block.start, …);
 *
 * Allocates nothing: the same object is moved from packet to packet and from block to block. All fields read the
 * kernel's memory, of the block that was taken last. A packet's bytes stay where they are in `bytes` until its block is
 * released; copy what must live longer.
 */
export class PacketBlock {
  /** The whole ring; a packet is `capturedLength` bytes of it from `start`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }
  #bytes: Uint8Array;
  #words: Uint32Array;
  /** `next` passes over what this host sends. */
  readonly skipsOutgoing: boolean;
  /** Byte offset of the block, and of the packet the cursor is on. */
  #block = 0;
  #packet = 0;
  #following = 0;
  #left = 0;

  constructor(memory: ArrayBuffer, options: { readonly skipOutgoing: boolean }) {
    this.#bytes = new Uint8Array(memory);
    this.#words = new Uint32Array(memory);
    this.skipsOutgoing = options.skipOutgoing;
  }

  /** Moves before the first packet of the block that starts at this offset of the ring. */
  open(blockStart: number): void {
    this.#block = blockStart;
    // Read once: a block may hold none, when its timer ran out just as it was opened.
    this.#left = this.#word(blockStart + BLOCK.packetCount);
    this.#following = blockStart + this.#word(blockStart + BLOCK.firstPacket);
  }

  /** Lets go of memory that is about to be unmapped: a cursor that someone kept then reads nothing, instead of crashing. */
  forget(): void {
    this.#bytes = new Uint8Array(0);
    this.#words = new Uint32Array(0);
    this.#left = 0;
  }

  /** Moves to the next packet; false after the last. */
  next(): boolean {
    while (this.#left > 0) {
      this.#left--;
      this.#packet = this.#following;
      this.#following = this.#packet + this.#word(this.#packet + PACKET.next);
      if (!this.skipsOutgoing || this.packetType !== PacketType.outgoing) return true;
    }
    return false;
  }

  /** Moves to the packet with this number, as so many calls of `next`. */
  skip(packets: number): void {
    for (let left = packets; left > 0 && this.next(); left--);
  }

  /** Where in `bytes` the header of the packet is that the cursor is on. */
  get offset(): number {
    return this.#packet;
  }

  /** Packets in the block, outgoing copies that `next` skips included. */
  get packetCount(): number {
    return this.#word(this.#block + BLOCK.packetCount);
  }
  /** Counts the blocks the kernel opened on this ring, from 1. */
  get sequence(): number {
    return sequenceOf(this.#words, this.#block);
  }
  /** When the kernel began to fill the block: every packet in it came later. Wall clock. */
  get openedSeconds(): number {
    return this.#word(this.#block + BLOCK.openedSeconds);
  }
  get openedNanoseconds(): number {
    return this.#word(this.#block + BLOCK.openedNanoseconds);
  }
  /** The block was handed over by its timer, not because it was full. */
  get timedOut(): boolean {
    return (this.#word(this.#block + BLOCK.status) & TP_STATUS.blockTimeout) !== 0;
  }

  /** Packets were dropped between the last reading of the statistics and the end of this block. */
  get losing(): boolean {
    return (this.#word(this.#block + BLOCK.status) & TP_STATUS.losing) !== 0;
  }

  get seconds(): number {
    return this.#word(this.#packet + PACKET.seconds);
  }
  get nanoseconds(): number {
    return this.#word(this.#packet + PACKET.nanoseconds);
  }
  /** Where the packet's first byte is in `bytes`: of its link-layer header, on a cooked socket of its network header. */
  get start(): number {
    return this.#packet + this.#half(this.#packet + PACKET.mac);
  }
  /** Bytes present: what the program returned, or less where the packet did not fit into a block. */
  get capturedLength(): number {
    return this.#word(this.#packet + PACKET.capturedLength);
  }
  /** Bytes the packet had when the kernel saw it, without a tag that is in `vlanTci`. GRO may have merged several. */
  get wireLength(): number {
    return this.#word(this.#packet + PACKET.wireLength);
  }
  /** TP_STATUS flags of the packet. */
  get status(): number {
    return this.#word(this.#packet + PACKET.status);
  }
  /** A VLAN tag was taken out of the bytes (its place is after the two addresses) and is in `vlanTci`. */
  get vlanPresent(): boolean {
    return (this.status & TP_STATUS.vlanValid) !== 0;
  }
  /** Priority, drop-eligible bit and VLAN id, as on the wire. 0 without a tag. */
  get vlanTci(): number {
    return this.vlanPresent ? this.#half(this.#packet + PACKET.vlanTci) : 0;
  }
  /** The tag's EtherType: 0x8100 or 0x88a8. 0 without a tag. */
  get vlanTpid(): number {
    if (!this.vlanPresent) return 0;
    return (this.status & TP_STATUS.vlanTpidValid) !== 0 ? this.#half(this.#packet + PACKET.vlanTpid) : ETH_P_8021Q;
  }
  /** A PacketType: to this host, broadcast, outgoing and so on. */
  get packetType(): number {
    return this.#bytes[this.#packet + PACKET.packetType]!;
  }
  /** EtherType as the kernel sees it: of the outermost tag or of the payload. */
  get protocol(): number {
    const at = this.#packet + PACKET.protocol;
    return (this.#bytes[at]! << 8) | this.#bytes[at + 1]!;
  }
  get interfaceIndex(): number {
    return this.#word(this.#packet + PACKET.interfaceIndex);
  }
  /** ARPHRD_* of the interface, also where the packets' link-layer header is left out. */
  get hardwareType(): number {
    return this.#half(this.#packet + PACKET.hardwareType);
  }
  /** Bytes of the sender's link-layer address; 0 where the hardware has none. */
  get addressLength(): number {
    return Math.min(this.#bytes[this.#packet + PACKET.addressLength]!, ADDRESS_BYTES);
  }
  /** Where in `bytes` the address starts. What follows it, up to eight bytes in all, is what was there before. */
  get addressStart(): number {
    return this.#packet + PACKET.address;
  }

  #word(offset: number): number {
    return this.#words[offset >>> 2]!;
  }
  /** 16 bits of the little-endian hosts we run on (`platform`). */
  #half(offset: number): number {
    return this.#bytes[offset]! | (this.#bytes[offset + 1]! << 8);
  }
}
