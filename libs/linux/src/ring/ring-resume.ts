import type { RingGeometry } from './layout.js';
import { BLOCK, TP_STATUS } from './layout.js';

/** Behind so many packets of the block with this sequence number: where a reader stood. */
export interface RingPosition {
  readonly blockSequence: number;
  readonly packets: number;
}

/** Where a new reader begins on a ring that the kernel has been filling for some time. */
export interface RingStart {
  /** Place of the block in the ring. */
  readonly block: number;
  readonly sequence: number;
  /**
   * All blocks are the kernel's: this is the one it opened last. It is being filled, or, when the ring was full and then
   * given back as a whole, it was read already and the kernel goes on with the next: the memory does not say which.
   */
  readonly isUncertain: boolean;
}

/** `seq_num` of a block; exact up to 2^53. Never opened blocks have 0. */
export function sequenceOf(words: Uint32Array, blockStart: number): number {
  const at = (blockStart + BLOCK.sequence) >>> 2;
  return words[at + 1]! * 0x1_0000_0000 + words[at]!;
}

/**
 * The oldest block that was handed over and not given back; where there is none, the one that the kernel opened last.
 * The kernel may go on meanwhile: blocks that it hands over then are younger.
 */
export function findStart(words: Uint32Array, { blockBytes, blockCount }: RingGeometry): RingStart {
  const isOurs = (block: number) =>
    (Atomics.load(words, (block * blockBytes + BLOCK.status) >>> 2) & TP_STATUS.user) !== 0;
  const sequence = (block: number) => sequenceOf(words, block * blockBytes);
  const before = (block: number) => (block - 1 + blockCount) % blockCount;
  let newest = 0;
  for (let block = 0; block < blockCount; block++) {
    if (sequence(block) > sequence(newest)) newest = block;
    if (!isOurs(block)) continue;
    // Those that are ours follow one another, since a reader gives them back in order.
    let oldest = block;
    while (isOurs(before(oldest)) && sequence(before(oldest)) === sequence(oldest) - 1) oldest = before(oldest);
    return { block: oldest, sequence: sequence(oldest), isUncertain: false };
  }
  return { block: newest, sequence: sequence(newest), isUncertain: true };
}
