import { expect, it } from 'vitest';
import { duePackets } from './pace.js';
import { PreparedFrames } from './prepared-frames.js';

it('lays frames out as mmsghdr, iovec and bytes that point to each other', () => {
  let memory: Uint8Array = new Uint8Array();
  const base = 0x7f00_0000_0000n;
  const frames = new PreparedFrames([Uint8Array.of(1, 2, 3), Uint8Array.of(4)], (bytes) => {
    memory = bytes;
    return base;
  });
  const view = new DataView(memory.buffer);
  const word = (at: number) => Number(view.getBigUint64(at, true));
  const read = (index: number) => {
    const vector = word(Number(frames.addressOfMessage(index) - base) + 16) - Number(base);
    const start = word(vector) - Number(base);
    return [...memory.subarray(start, start + word(vector + 8))];
  };
  expect([read(0), read(1)]).toEqual([[1, 2, 3], [4]]);
});

it('a rate makes the first packet due at once and the others evenly after it', () => {
  const at = (milliseconds: number) => duePackets(BigInt(milliseconds) * 1_000_000n, 1000);
  expect([at(0), at(1), at(10), at(1000)]).toEqual([1, 2, 11, 1001]);
});
