import { BpfleetError } from '@bpfleet/errors';
import { compressSync, uncompress } from 'snappy';

/**
 * Java's clients wrap snappy in blocks (xerial/snappy-java, SnappyCodec): this magic, two versions of 4 bytes, then
 * blocks of 4 bytes of length and that many bytes of snappy. Other clients send bare snappy.
 */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER_BYTES = 16;
/** A copy of 64 bytes takes 3 in snappy: a length that claims more is not to be believed, let alone allocated. */
const MAX_RATIO = 64;

/** Snappy for kafkajs, which has none. Reads bare and Java's snappy, writes bare, which both sides read. */
export const snappyCodec = {
  /**
   * Here and now, a millisecond for a full batch: its asynchronous form allocates in one thread what another one frees, and
   * its allocator then keeps some 200 MB.
   */
  compress: async ({ buffer }: { buffer: Buffer }): Promise<Buffer> => compressSync(buffer),

  async decompress(bytes: Buffer): Promise<Buffer> {
    if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return unpack(bytes);
    const blocks: Promise<Buffer>[] = [];
    for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
      if (at + 4 > bytes.length) throw corrupt('ends inside a block length');
      const end = at + 4 + bytes.readUInt32BE(at);
      if (end > bytes.length) throw corrupt('has a block that reaches beyond its end');
      blocks.push(unpack(bytes.subarray(at + 4, end)));
      at = end;
    }
    return Buffer.concat(await Promise.all(blocks));
  },
};

async function unpack(bytes: Buffer): Promise<Buffer> {
  if (claimedBytes(bytes) > bytes.length * MAX_RATIO) throw corrupt('claims more bytes than snappy can hold');
  return (await uncompress(bytes, { asBuffer: true })) as Buffer;
}

/** The uncompressed length at the start of a snappy block: a varint of at most 32 bits. */
function claimedBytes(bytes: Buffer): number {
  let value = 0;
  for (let at = 0; at < 5; at += 1) {
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80) return value;
  }
  throw corrupt('has no length');
}

function corrupt(what: string): BpfleetError {
  return new BpfleetError('RECORD_INVALID', `a snappy record batch ${what}`);
}
