import { describe, expect, it } from 'vitest';
import type { BlockRing, BlockSource } from './block-ring.js';
import { FakeRing } from './fake-ring.js';
import { sequenceOf } from './ring-resume.js';

const geometry = { blockBytes: 1 << 16, blockCount: 4 };

/** A ring that handed over so many blocks of three packets: packet `p` of block `b` (from 1) is the bytes `b, p`. */
function filled(blocks: number, reader = (_: FakeRing) => {}): FakeRing {
  const ring = new FakeRing(geometry);
  for (let block = 1; block <= blocks; block++) {
    push(ring, block);
    if (block < blocks) reader(ring);
  }
  return ring;
}
const push = (ring: FakeRing, block: number) =>
  ring.push([1, 2, 3].map((packet) => ({ bytes: Uint8Array.of(block, packet) })));
const readOne = (ring: BlockSource) => {
  ring.take();
  ring.release();
};

function rest(ring: BlockRing): string[] {
  const packets: string[] = [];
  for (let block = ring.take(); block !== undefined; block = ring.take()) {
    while (block.next()) packets.push(`${block.bytes[block.start]}.${block.bytes[block.start + 1]}`);
  }
  return packets;
}
const block = (number: number) => [1, 2, 3].map((packet) => `${number}.${packet}`);

describe('a reader of a ring that another one read before', () => {
  it('begins at the beginning where nothing was read', () => {
    expect(rest(filled(3).resumed())).toEqual([...block(1), ...block(2), ...block(3)]);
  });

  it('begins at the first block of a ring where nothing happened', () => {
    const ring = new FakeRing(geometry);
    const reader = ring.resumed();
    expect([reader.take(), reader.openSequence()]).toEqual([undefined, 1]);
    push(ring, 1);
    expect(rest(reader)).toEqual(block(1));
  });

  it('begins with the oldest block that was not given back', () => {
    const ring = filled(3);
    readOne(ring);
    ring.take();
    expect(rest(ring.resumed())).toEqual([...block(2), ...block(3)]);
  });

  it('knows how many packets the one before left', () => {
    const ring = filled(8, readOne);
    push(ring, 9);
    const left = (after?: { blockSequence: number; packets: number }) => ring.resumed().unreadPackets(after);
    expect([left(), left({ blockSequence: 7, packets: 3 }), left({ blockSequence: 8, packets: 2 })]).toEqual([6, 6, 4]);
    expect(left({ blockSequence: 9, packets: 1 })).toBe(2);
    expect(ring.resumed({ blockSequence: 8, packets: 2 }).unreadPackets()).toBe(4);
    const reader = ring.resumed();
    readOne(reader);
    expect(reader.unreadPackets()).toBe(3);
  });

  it('finds it by its number when the ring went round', () => {
    const ring = filled(8, readOne);
    push(ring, 9);
    const reader = ring.resumed();
    expect(reader.openSequence()).toBe(8);
    expect(rest(reader)).toEqual([...block(8), ...block(9)]);
  });

  it('waits for the block that is being filled when all were given back', () => {
    const ring = filled(6, readOne);
    readOne(ring);
    const reader = ring.resumed();
    expect([reader.take(), reader.openSequence()]).toEqual([undefined, 7]);
    push(ring, 7);
    expect(rest(reader)).toEqual(block(7));
    expect(reader.openSequence()).toBe(8);
  });

  it('goes on behind the newest block when the ring was full and all of it was given back', () => {
    const ring = filled(4);
    while (ring.take() !== undefined);
    ring.release(4);
    // The kernel opens the next block with the next packet; until then the newest is one that was read.
    const reader = ring.resumed();
    expect(reader.take()).toBeUndefined();
    push(ring, 5);
    push(ring, 6);
    expect(rest(reader)).toEqual([...block(5), ...block(6)]);
    expect(reader.openSequence()).toBe(7);
  });

  it('of a single block counts on', () => {
    const ring = new FakeRing({ ...geometry, blockCount: 1 });
    push(ring, 1);
    ring.take();
    const reader = ring.resumed();
    readOne(reader);
    const next = ring.resumed();
    push(ring, 2);
    expect(rest(next)).toEqual(block(2));
    expect(next.openSequence()).toBe(3);
  });

  it('gives back what it holds, oldest first', () => {
    const ring = filled(4);
    readOne(ring);
    const reader = ring.resumed();
    reader.take();
    reader.take();
    expect(reader.held).toBe(2);
    reader.release();
    expect(push(ring, 5)).toBe(true);
    expect(push(ring, 6)).toBe(true);
    expect(push(ring, 7)).toBe(false);
    expect(rest(reader)).toEqual([...block(4), ...block(5), ...block(6)]);
  });
});

it('sequence numbers have 64 bits', () => {
  expect(sequenceOf(new Uint32Array(new BigUint64Array([0n, 0n, 0n, 0x5_0000_0007n]).buffer), 0)).toBe(0x5_0000_0007);
});

describe('with the position of that reader', () => {
  it('goes on in the middle of its block', () => {
    expect(rest(filled(3).resumed({ blockSequence: 1, packets: 2 }))).toEqual(['1.3', ...block(2), ...block(3)]);
  });

  it('gives older blocks back at once', () => {
    const ring = filled(4);
    const reader = ring.resumed({ blockSequence: 3, packets: 1 });
    expect(reader.held).toBe(0);
    expect([push(ring, 5), push(ring, 6), push(ring, 7)]).toEqual([true, true, false]);
    expect(rest(reader)).toEqual(['3.2', '3.3', ...block(4), ...block(5), ...block(6)]);
  });

  it('takes a block that was read to its end without a packet', () => {
    const reader = filled(2).resumed({ blockSequence: 1, packets: 3 });
    expect(reader.take()!.next()).toBe(false);
    expect(rest(reader)).toEqual(block(2));
  });

  it('skips nothing of blocks behind it, when its own was given back', () => {
    const ring = filled(2);
    readOne(ring);
    expect(rest(ring.resumed({ blockSequence: 1, packets: 2 }))).toEqual(block(2));
  });

  it('knows that the newest block was given back', () => {
    const ring = filled(4);
    while (ring.take() !== undefined);
    ring.release(4);
    expect(ring.resumed({ blockSequence: 4, packets: 3 }).openSequence()).toBe(5);
  });

  it('of another ring reads everything', () => {
    expect(rest(filled(2).resumed({ blockSequence: 99, packets: 2 }))).toEqual([...block(1), ...block(2)]);
  });
});
