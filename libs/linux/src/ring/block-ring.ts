import { BLOCK, type RingGeometry, TP_STATUS } from './layout.js';
import { PacketBlock } from './packet-block.js';
import { findStart, type RingPosition, sequenceOf } from './ring-resume.js';

/** What the capture loop needs of a ring. `FakeRing` implements it from packets in memory. */
export interface BlockSource {
  /**
   * The next block that was not taken yet, before its first packet, or undefined when the kernel has handed over none.
   * Held from then on: its packets stay where they are in `bytes` until it is released. There is one cursor, which is
   * moved to the block, so fields read from it are of the block that was taken last.
   */
  take(): PacketBlock | undefined;
  /** Blocks that were taken and not released. */
  readonly held: number;
  /** Gives the oldest held blocks back to the kernel, which may overwrite them at once. Never more than are held. */
  release(count?: number): void;
  /**
   * How many packets the kernel has put into the block that `take` gives next, so far. A packet that passed the program
   * on another processor may be on its way there, uncounted.
   */
  pendingPackets(): number;
  /** The sequence number that the block has, or will have, which `take` gives next. */
  openSequence(): number;
  /** The sequence number of the block that the kernel opened last. */
  newestSequence(): number;
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
  /** Place and sequence number of the next block to take. The kernel numbers blocks as it opens them (`prb_open_block`). */
  #next = 0;
  #sequence = 1;
  #held = 0;
  /** See `RingStart.isUncertain`. */
  #isUncertain = false;
  #skip: RingPosition | undefined;
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
   * Goes to where a reader before, which has ended, stopped: the oldest block that was handed over and not given back.
   * With its position, behind it: older blocks are given back at once, and of its block those packets are skipped. A
   * position that the ring has not reached is of another ring, and ignored. To be called before the first `take`.
   */
  resume(after?: RingPosition): void {
    const start = findStart(this.#words, this.geometry);
    this.#next = start.block;
    this.#sequence = start.sequence;
    this.#isUncertain = start.isUncertain;
    if (after === undefined || after.blockSequence > this.newestSequence()) return;
    if (start.isUncertain && after.blockSequence === start.sequence) {
      // Read and given back: the kernel does not fill it any more.
      this.#isUncertain = false;
      this.#advance();
    }
    while (this.#sequence < after.blockSequence && this.take() !== undefined) this.release();
    this.#skip = after;
  }

  take(): PacketBlock | undefined {
    if (this.#closed || this.#held === this.geometry.blockCount) return undefined;
    // Read first, and atomically: the kernel writes the status last, behind a barrier (`prb_flush_block`).
    if (!this.#isOurs(this.#next) && !this.#nextIsBehind()) return undefined;
    if (this.#isUncertain) this.#sequence = this.#sequenceOf(this.#next);
    this.#isUncertain = false;
    this.#block.open(this.#next * this.geometry.blockBytes);
    if (this.#sequence === this.#skip?.blockSequence) this.#block.skip(this.#skip.packets);
    this.#advance();
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
    // The kernel may not have opened it yet, when it found the ring full: what is there then is of the last round.
    if (this.#closed || this.#sequenceOf(this.#next) !== this.#sequence) return 0;
    return Atomics.load(this.#words, this.#wordAt(this.#next, BLOCK.packetCount));
  }

  openSequence(): number {
    return this.#sequence;
  }

  newestSequence(): number {
    if (this.#closed) return this.#sequence;
    let newest = 0;
    for (let block = 0; block < this.geometry.blockCount; block++) newest = Math.max(newest, this.#sequenceOf(block));
    return newest;
  }

  /**
   * How many packets `take` has not given yet, those of the block that is being filled included.
   * @param after where a reader before stood: what lies before it is not counted
   */
  unreadPackets(after = this.#skip): number {
    let packets = 0;
    const { blockCount } = this.geometry;
    for (let ahead = 0; ahead < blockCount - this.#held; ahead++) {
      const block = (this.#next + ahead) % blockCount;
      // Of the last round.
      const sequence = this.#sequence + ahead;
      if (this.#sequenceOf(block) !== sequence) break;
      if (after !== undefined && sequence < after.blockSequence) continue;
      const read = after !== undefined && sequence === after.blockSequence ? after.packets : 0;
      packets += Math.max(0, Atomics.load(this.#words, this.#wordAt(block, BLOCK.packetCount)) - read);
    }
    return packets;
  }

  /** Forgets the memory, which the owner is about to unmap. Afterwards `take` finds nothing. */
  close(): void {
    this.#closed = true;
    this.#words = new Uint32Array(0);
    this.#block.forget();
  }

  /**
   * Whether the reader before had read the block that the kernel opened last and given it back, so that the kernel went on
   * with the one behind it: that one is ours while the first is not. (The kernel hands them over in this order.)
   */
  #nextIsBehind(): boolean {
    if (!this.#isUncertain) return false;
    const behind = (this.#next + 1) % this.geometry.blockCount;
    if (!this.#isOurs(behind) || this.#isOurs(this.#next)) return false;
    this.#advance();
    return true;
  }

  #advance(): void {
    this.#next = (this.#next + 1) % this.geometry.blockCount;
    this.#sequence++;
  }

  #isOurs(block: number): boolean {
    return (Atomics.load(this.#words, this.#wordAt(block, BLOCK.status)) & TP_STATUS.user) !== 0;
  }

  #sequenceOf(block: number): number {
    return sequenceOf(this.#words, block * this.geometry.blockBytes);
  }

  #wordAt(block: number, offset: number): number {
    return (block * this.geometry.blockBytes + offset) >>> 2;
  }
}
