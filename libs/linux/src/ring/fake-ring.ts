import { BlockRing, type BlockSource } from './block-ring.js';
import type { RingGeometry } from './layout.js';
import { BLOCK, PACKET, TP_STATUS } from './layout.js';
import type { PacketBlock } from './packet-block.js';
import type { RingPosition } from './ring-resume.js';

/** A packet to put into a fake ring. What is left out is as for an untagged packet to this host. */
export interface RingPacket {
  readonly bytes: Uint8Array;
  readonly wireLength?: number;
  readonly seconds?: number;
  readonly nanoseconds?: number;
  /** The tag the kernel took out of the bytes; `tpid` undefined: the kernel does not say which. */
  readonly vlan?: { readonly tci: number; readonly tpid: number | undefined };
  readonly packetType?: number;
  /** ARPHRD_*; by default Ethernet. */
  readonly hardwareType?: number;
  /** Link-layer address of the sender, at most 8 bytes. */
  readonly address?: Uint8Array;
  readonly protocol?: number;
  readonly interfaceIndex?: number;
  /** Further TP_STATUS flags. */
  readonly status?: number;
}

/** Packets start 16-aligned (`TPACKET_ALIGNMENT`) and their bytes 2 short of that, so that the IP header is aligned. */
const align = (offset: number) => (offset + 15) & ~15;
const macOffset = align(PACKET.headerBytes + 16) - 14;

/**
 * A ring in ordinary memory that a test fills in the kernel's place, laid out exactly as TPACKET_V3. The reading side is
 * the real `BlockRing`.
 */
export class FakeRing implements BlockSource {
  readonly memory: ArrayBuffer;
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #ring: BlockRing;
  /** Blocks opened so far; the last of them is being filled, unless the queue is frozen. */
  #opened = 0;
  #handedOver = 0;
  /** A block was dropped; the kernel would say so until its statistics are read, here for good. */
  #lost = false;

  constructor(
    private readonly geometry: RingGeometry = { blockBytes: 1 << 18, blockCount: 4 },
    private readonly options: { readonly skipOutgoing: boolean } = { skipOutgoing: false },
  ) {
    const memory = new ArrayBuffer(geometry.blockBytes * geometry.blockCount);
    this.memory = memory;
    this.#view = new DataView(memory);
    this.#bytes = new Uint8Array(memory);
    this.#ring = new BlockRing(memory, geometry, options);
    this.#openNext();
  }

  /** The ring as a process sees it that takes it over from this reader. */
  resumed(after?: RingPosition): BlockRing {
    const ring = new BlockRing(this.#view.buffer as ArrayBuffer, this.geometry, this.options);
    ring.resume(after);
    return ring;
  }

  /**
   * Writes one block and hands it over, as the kernel does when a block is full or its timer ran out.
   * Answers false, and drops the packets, when the reader still holds the block, as the kernel does.
   */
  push(packets: readonly RingPacket[], opened: { seconds: number; nanoseconds: number } = noTime): boolean {
    if (!this.#openNext()) {
      this.#lost = true;
      return false;
    }
    const start = this.#startOf(this.#handedOver);
    let at = start + BLOCK.headerBytes;
    for (const packet of packets) at = this.#writePacket(at, packet);
    const header = (offset: number, value: number) => this.#view.setUint32(start + offset, value, true);
    header(BLOCK.packetCount, packets.length);
    header(BLOCK.firstPacket, BLOCK.headerBytes);
    header(BLOCK.lengthBytes, at - start);
    header(BLOCK.openedSeconds, opened.seconds);
    header(BLOCK.openedNanoseconds, opened.nanoseconds);
    header(BLOCK.status, TP_STATUS.user | TP_STATUS.blockTimeout | (this.#lost ? TP_STATUS.losing : 0));
    this.#handedOver++;
    this.#openNext();
    return true;
  }

  /** Puts packets into the open block, which is not handed over: `push` with the same ones does that. */
  pending(packets: readonly RingPacket[]): void {
    this.#view.setUint32(this.#startOf(this.#handedOver) + BLOCK.packetCount, packets.length, true);
  }

  take(): PacketBlock | undefined {
    return this.#ring.take();
  }

  get held(): number {
    return this.#ring.held;
  }

  release(count?: number): void {
    this.#ring.release(count);
  }

  openSequence(): number {
    return this.#ring.openSequence();
  }

  newestSequence(): number {
    return this.#ring.newestSequence();
  }

  pendingPackets(): number {
    return this.#ring.pendingPackets();
  }

  #startOf(block: number): number {
    return (block % this.geometry.blockCount) * this.geometry.blockBytes;
  }

  /** `prb_open_block`. False while the reader holds the block (`prb_freeze_queue`); what is in it then stays as it was. */
  #openNext(): boolean {
    if (this.#opened > this.#handedOver) return true;
    const start = this.#startOf(this.#opened);
    if (this.#view.getUint32(start + BLOCK.status, true) !== TP_STATUS.kernel) return false;
    this.#view.setBigUint64(start + BLOCK.sequence, BigInt(++this.#opened), true);
    this.#view.setUint32(start + BLOCK.packetCount, 0, true);
    return true;
  }

  /** Answers where the next packet starts. */
  #writePacket(at: number, packet: RingPacket): number {
    const end = align(at + macOffset + packet.bytes.length);
    const word = (offset: number, value: number) => this.#view.setUint32(at + offset, value, true);
    // As the kernel does it: what is behind the address stays as it was.
    this.#bytes.fill(0, at, at + PACKET.address);
    word(PACKET.next, end - at);
    word(PACKET.seconds, packet.seconds ?? 0);
    word(PACKET.nanoseconds, packet.nanoseconds ?? 0);
    word(PACKET.capturedLength, packet.bytes.length);
    word(PACKET.wireLength, packet.wireLength ?? packet.bytes.length);
    word(PACKET.status, TP_STATUS.user | vlanStatus(packet.vlan) | (packet.status ?? 0));
    this.#view.setUint16(at + PACKET.mac, macOffset, true);
    word(PACKET.vlanTci, packet.vlan?.tci ?? 0);
    this.#view.setUint16(at + PACKET.vlanTpid, packet.vlan?.tpid ?? 0, true);
    this.#view.setUint16(at + PACKET.protocol, packet.protocol ?? 0x0800, false);
    word(PACKET.interfaceIndex, packet.interfaceIndex ?? 1);
    this.#view.setUint16(at + PACKET.hardwareType, packet.hardwareType ?? 1, true);
    this.#bytes[at + PACKET.packetType] = packet.packetType ?? 0;
    this.#bytes[at + PACKET.addressLength] = packet.address?.length ?? 0;
    if (packet.address) this.#bytes.set(packet.address, at + PACKET.address);
    this.#bytes.set(packet.bytes, at + macOffset);
    return end;
  }
}

const noTime = { seconds: 0, nanoseconds: 0 };

function vlanStatus(vlan: RingPacket['vlan']): number {
  if (vlan === undefined) return 0;
  return TP_STATUS.vlanValid | (vlan.tpid === undefined ? 0 : TP_STATUS.vlanTpidValid);
}
