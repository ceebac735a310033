import fc from 'fast-check';
import { compressSync } from 'snappy';
import { describe, expect, it } from 'vitest';
import { snappyCodec } from './snappy-codec.js';

const bytes = () => fc.uint8Array({ maxLength: 5_000 }).map((array) => Buffer.from(array));

describe('snappyCodec', () => {
  it('gives back what it compressed', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(), async (plain) => {
        const packed = await snappyCodec.compress({ buffer: plain });
        expect(Buffer.compare(await snappyCodec.decompress(packed), plain)).toBe(0);
      }),
    );
  });

  it('reads what Java’s clients write: snappy in blocks', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(bytes(), { maxLength: 4 }), async (blocks) => {
        const plain = await snappyCodec.decompress(xerial(blocks.map((block) => compressSync(block))));
        expect(Buffer.compare(plain, Buffer.concat(blocks))).toBe(0);
      }),
    );
  });

  it('expands zeros as far as snappy can pack them', async () => {
    const zeros = Buffer.alloc(2 ** 20);
    expect((await snappyCodec.decompress(compressSync(zeros))).length).toBe(zeros.length);
  });

  it.each([
    ['no length', Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
    ['a length nobody could have packed', Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0])],
    ['a block length that is cut off', xerial([compressSync('text')]).subarray(0, 18)],
    ['a block that is cut off', xerial([compressSync('text')]).subarray(0, 22)],
  ])('refuses %s', async (_name, packed) => {
    await expect(snappyCodec.decompress(packed)).rejects.toMatchObject({ code: 'RECORD_INVALID' });
  });

  it('rejects, and does not crash, on any other bytes', async () => {
    await fc.assert(
      fc.asyncProperty(bytes(), fc.boolean(), async (noise, isFramed) => {
        await snappyCodec.decompress(isFramed ? xerial([noise]) : noise).catch((error: unknown) => {
          expect(error).toBeInstanceOf(Error);
        });
      }),
    );
  });
});

/** As snappy-java's SnappyOutputStream writes it: magic, version 1, compatible with 1, blocks. */
function xerial(blocks: readonly Buffer[]): Buffer {
  const header = Buffer.from('82534e41505059000000000100000001', 'hex');
  const lengths = blocks.map(({ length }) => {
    const field = Buffer.alloc(4);
    field.writeUInt32BE(length);
    return field;
  });
  return Buffer.concat([header, ...blocks.flatMap((block, index) => [lengths[index]!, block])]);
}
