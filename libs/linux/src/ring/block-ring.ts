import { BLOCK, TP_STATUS } from './layout.js';
import { PacketBlock } from './packet-block.js';

/** What the capture loop needs of a ring. `FakeRing` implements it from packets in memory. */
export interface BlockSource {
  /**
   * The next block, before its first packet, or undefined when the kernel has handed over none. Valid until `release`;
   * taken again without one, it is the same block from its start.
   */
  take(): PacketBlock | undefined;
  /** Gives the taken block back to the kernel, which may overwrite it at once. Nothing happens when none was taken. */
  release(): void;
  /**
   * How many packets the kernel has put into the block it is filling, when every block before it was taken and released.
   * Too many when the kernel has not opened the block again since its last round; a packet that passed the program on
   * another processor may be on its way there, uncounted.
   */
  pendingPackets(): number;
}

export interface RingGeometry {
  /** A multiple of the page size. At least 256 KiB, or GRO frames (64 KiB) fill a block with three packets. */
  readonly blockBytes: number;
  readonly blockCount: number;
}

/**
 * Reads a TPACKET_V3 ring where the kernel writes it. Blocks come in order, round and round.
 *
 * When the kernel meets a block we still hold, it drops packets and counts them (PACKET_STATISTICS); it resumes with that
 * block. So hold one block at a time, and release it before anything slow.
 */
export class BlockRing implements BlockSource {
  #words: Uint32Array;
  readonly #block: PacketBlock;
  #current = 0;
  #taken = false;
  #closed = false;

  constructor(
    memory: ArrayBuffer,
    private readonly geometry: RingGeometry,
    options: { readonly skipOutgoing: boolean } = { skipOutgoing: false },
  ) {
    this.#words = new Uint32Array(memory);
    this.#block = new PacketBlock(memory, options);
  }

  take(): PacketBlock | undefined {
    if (this.#closed) return undefined;
    // Read first, and atomically: the kernel writes the status last, behind a barrier (`prb_flush_block`).
    if ((Atomics.load(this.#words, this.#statusWord()) & TP_STATUS.user) === 0) return undefined;
    this.#taken = true;
    this.#block.open(this.#current * this.geometry.blockBytes);
    return this.#block;
  }

  release(): void {
    if (!this.#taken || this.#closed) return;
    this.#taken = false;
    // Atomically: our reads of the packets must not be delayed past this write.
    Atomics.store(this.#words, this.#statusWord(), TP_STATUS.kernel);
    this.#current = (this.#current + 1) % this.geometry.blockCount;
  }

  pendingPackets(): number {
    if (this.#closed) return 0;
    return Atomics.load(this.#words, (this.#current * this.geometry.blockBytes + BLOCK.packetCount) >>> 2);
  }

  /** Forgets the memory, which the owner is about to unmap. Afterwards `take` finds nothing. */
  close(): void {
    this.#closed = true;
    this.#words = new Uint32Array(0);
    this.#block.forget();
  }

  #statusWord(): number {
    return (this.#current * this.geometry.blockBytes + BLOCK.status) >>> 2;
  }
}
