import { encodeBlock, textOption } from '../encode-block.js';
import { BLOCK, BlockType, OptionCode } from '../format.js';

/** `nrb_record_end`: type and length 0 (4.5). */
const NO_RECORDS = new Uint8Array(4);

/**
 * A block that says nothing, which every reader passes over: an NRB without a record. Of a file that is written while
 * it is read, it keeps the connection busy, and whoever writes into a closed pipe learns of it.
 */
export const idleBlock = (): Uint8Array => encodeBlock(BlockType.nameResolution, NO_RECORDS, []);

/** The EPB with comments (3.5.1, `opt_comment`), which Wireshark shows at the packet. @param block without options */
export function withComments(block: Uint8Array, comments: readonly string[]): Uint8Array {
  if (comments.length === 0) return block;
  const body = block.subarray(BLOCK.body, -4);
  return encodeBlock(
    BlockType.enhancedPacket,
    body,
    comments.map((comment) => textOption(OptionCode.comment, comment)),
  );
}
