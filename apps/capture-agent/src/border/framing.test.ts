import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeFrame, FrameReader, MAX_FRAME_BYTES } from './framing.js';

function reader() {
  const frames: Uint8Array[] = [];
  const refused: number[] = [];
  const reader = new FrameReader({
    onFrame: (payload) => frames.push(payload),
    onRefused: (claimed) => refused.push(claimed),
  });
  return { reader, frames, refused };
}

const header = (length: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
};

describe('frames', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });
    fc.assert(
      fc.property(payloads, fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (payloads, sizes) => {
        const { reader: one, frames, refused } = reader();
        const stream = Buffer.concat(payloads.map(encodeFrame));
        for (let at = 0, turn = 0; at < stream.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          // The same buffer again and again, as streams do it.
          one.push(Uint8Array.from(stream.subarray(at, at + size)));
          at += size;
        }
        expect(frames.map((frame) => [...frame])).toEqual(payloads.map((payload) => [...payload]));
        expect(refused).toEqual([]);
      }),
    );
  });

  it('keep their bytes when the stream uses its buffer again', () => {
    const { reader: one, frames } = reader();
    const buffer = encodeFrame(Uint8Array.of(1, 2, 3, 4));
    one.push(buffer.subarray(0, 6));
    one.push(buffer.subarray(6));
    buffer.fill(9);
    expect(frames.map((frame) => [...frame])).toEqual([[1, 2, 3, 4]]);
  });

  it.each([0, MAX_FRAME_BYTES + 1])('of %i bytes are refused, and the next is read', (length) => {
    const { reader: one, frames, refused } = reader();
    one.push(header(length));
    for (let left = length; left > 0; left -= 1 << 20) one.push(new Uint8Array(Math.min(left, 1 << 20)));
    one.push(encodeFrame(Uint8Array.of(7)));
    expect(refused).toEqual([length]);
    expect(frames.map((frame) => [...frame])).toEqual([[7]]);
  });

  it('are not sent when they are too long', () => {
    expect(() => encodeFrame(new Uint8Array(MAX_FRAME_BYTES + 1))).toThrow(RangeError);
  });

  it.each([
    ['a claim of 16 MiB', MAX_FRAME_BYTES, 1, 1],
    ['a claim of 4 GiB', 0xffff_ffff, 64, 1 << 20],
    ['a byte at a time', MAX_FRAME_BYTES, 1 << 20, 1],
  ])('%s costs no more than what came of it', (_name, claimed, pieces, pieceBytes) => {
    const { reader: one } = reader();
    const piece = new Uint8Array(pieceBytes);
    const before = process.memoryUsage();
    one.push(header(claimed));
    for (let i = 0; i < pieces; i++) one.push(piece);
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    expect(arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed).toBeLessThan(16 << 20);
  });
});
