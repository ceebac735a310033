import { BLOCK, TP_STATUS } from './layout.js';
import { PacketBlock } from './packet-block.js';

/** What the capture loop needs of a ring. `FakeRing` implements it from packets in memory. */
export interface BlockSource {
  /**
   * The next block that was not taken yet, before its first packet, or undefined when the kernel has handed over none.
   * Held from then on: its packets stay where they are until it is released. The cursor is the same object each time.
   */
  take(): PacketBlock | undefined;
  /** Blocks that were taken and not released. */
  readonly held: number;
  /** Gives the oldest held blocks back to the kernel, which may overwrite them at once. Never more than are held. */
  release(count?: number): void;
  /**
   * How many packets the kernel has put into the block behind the last one that was taken. Too many when the kernel has
   * not opened that block again since its last round; a packet that passed the program on another processor may be on
   * its way there, uncounted.
   */
  pendingPackets(): number;
  /** The sequence number of that block: when everything was taken, of the one that the kernel is filling. */
  openSequence(): number;
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
 * block. So hold few, and release them before anything slow.
 */
export class BlockRing implements BlockSource {
  #words: Uint32Array;
  readonly #block: PacketBlock;
  /** Place of the next block to take. */
  #next = 0;
  #held = 0;
  #closed = false;

  constructor(
    memory: ArrayBuffer,
    private readonly geometry: RingGeometry,
    options: { readonly skipOutgoing: boolean } = { skipOutgoing: false },
  ) {
    this.#words = new Uint32Array(memory);
    this.#block = new PacketBlock(memory, options);
  }

  /**
   * Goes to where a reader before, which is gone, stopped: the oldest block that was handed over and not given back; where
   * there is none, the one that the kernel is filling. To be called before the first `take`.
   */
  resume(): void {
    let oldest: number | undefined;
    let newest = 0;
    for (let block = 0; block < this.geometry.blockCount; block++) {
      const isOurs = (this.#status(block) & TP_STATUS.user) !== 0;
      if (isOurs && (oldest === undefined || this.#isBefore(block, oldest))) oldest = block;
      if (this.#isBefore(newest, block)) newest = block;
    }
    this.#next = oldest ?? newest;
  }

  take(): PacketBlock | undefined {
    if (this.#closed || this.#held === this.geometry.blockCount) return undefined;
    // Read first, and atomically: the kernel writes the status last, behind a barrier (`prb_flush_block`).
    if ((this.#status(this.#next) & TP_STATUS.user) === 0) return undefined;
    this.#block.open(this.#next * this.geometry.blockBytes);
    this.#next = (this.#next + 1) % this.geometry.blockCount;
    this.#held++;
    return this.#block;
  }

  get held(): number {
    return this.#held;
  }

  release(count = 1): void {
    if (this.#closed) return;
    const { blockCount } = this.geometry;
    for (let left = Math.min(count, this.#held); left > 0; left--) {
      const oldest = (this.#next - this.#held + blockCount) % blockCount;
      // Atomically: our reads of the packets must not be delayed past this write.
      Atomics.store(this.#words, this.#wordAt(oldest, BLOCK.status), TP_STATUS.kernel);
      this.#held--;
    }
  }

  pendingPackets(): number {
    return this.#closed ? 0 : Atomics.load(this.#words, this.#wordAt(this.#next, BLOCK.packetCount));
  }

  openSequence(): number {
    return this.#closed ? 0 : Atomics.load(this.#words, this.#wordAt(this.#next, BLOCK.sequence));
  }

  /** Forgets the memory, which the owner is about to unmap. Afterwards `take` finds nothing. */
  close(): void {
    this.#closed = true;
    this.#words = new Uint32Array(0);
    this.#block.forget();
  }

  #status(block: number): number {
    return Atomics.load(this.#words, this.#wordAt(block, BLOCK.status));
  }

  /** Sequence numbers are compared modulo 2^32; never opened blocks have 0. */
  #isBefore(one: number, other: number): boolean {
    const distance =
      this.#words[this.#wordAt(other, BLOCK.sequence)]! - this.#words[this.#wordAt(one, BLOCK.sequence)]!;
    return (distance | 0) > 0;
  }

  #wordAt(block: number, offset: number): number {
    return (block * this.geometry.blockBytes + offset) >>> 2;
  }
}
