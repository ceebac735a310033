import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeRing, type RingPacket } from './fake-ring.js';
import { PacketType, TP_STATUS } from './layout.js';
import type { PacketBlock } from './packet-block.js';

const geometry = { blockBytes: 1 << 16, blockCount: 3 };
const frame = (...bytes: number[]): RingPacket => ({ bytes: Uint8Array.from(bytes) });

/** What a reader that copies sees of a block. */
function readAll(block: PacketBlock | undefined): number[][] {
  const packets: number[][] = [];
  while (block?.next()) packets.push([...block.bytes.subarray(block.start, block.start + block.capturedLength)]);
  return packets;
}

describe('a ring', () => {
  it('has nothing to take before the kernel handed over a block', () => {
    expect(new FakeRing(geometry).take()).toBeUndefined();
  });

  it('gives the packets of a block in order', () => {
    const ring = new FakeRing(geometry);
    ring.push([frame(1), frame(2, 2), frame(3, 3, 3)]);
    expect(readAll(ring.take())).toEqual([[1], [2, 2], [3, 3, 3]]);
  });

  it('goes on while earlier blocks are held, and gives the oldest back first', () => {
    const ring = new FakeRing(geometry);
    for (let block = 1; block <= geometry.blockCount; block++) ring.push([frame(block)]);
    expect(readAll(ring.take())).toEqual([[1]]);
    expect(readAll(ring.take())).toEqual([[2]]);
    expect([ring.held, ring.push([frame(9)])]).toEqual([2, false]);
    ring.release();
    expect([ring.held, ring.push([frame(9)]), ring.push([frame(10)])]).toEqual([1, true, false]);
    ring.release(5);
    expect(ring.held).toBe(0);
  });

  it('takes nothing while it holds all blocks', () => {
    const ring = new FakeRing(geometry);
    for (let block = 1; block <= geometry.blockCount; block++) {
      ring.push([frame(block)]);
      ring.take();
    }
    expect([ring.take(), ring.held]).toEqual([undefined, geometry.blockCount]);
  });

  it('leaves the bytes of held blocks where they are', () => {
    const ring = new FakeRing(geometry);
    ring.push([frame(1, 1)]);
    ring.push([frame(2, 2)]);
    const block = ring.take()!;
    block.next();
    const { start } = block;
    ring.take()!.next();
    expect([...block.bytes.subarray(start, start + 2)]).toEqual([1, 1]);
    expect([...block.bytes.subarray(block.start, block.start + 2)]).toEqual([2, 2]);
  });

  it('goes round: the first block comes after the last', () => {
    const ring = new FakeRing(geometry);
    for (let round = 0; round < 10; round++) {
      expect(ring.push([frame(round)])).toBe(true);
      expect(readAll(ring.take())).toEqual([[round]]);
      ring.release();
    }
  });

  it('leaves the kernel no room while every block is ours, and room again after a release', () => {
    const ring = new FakeRing(geometry);
    for (let block = 0; block < geometry.blockCount; block++) expect(ring.push([frame(block)])).toBe(true);
    expect(ring.take()!.losing).toBe(false);
    expect(ring.push([frame(9)])).toBe(false);
    ring.release();
    expect(ring.push([frame(9)])).toBe(true);
    for (const expected of [[1], [2], [9]]) {
      const block = ring.take()!;
      expect(block.losing).toBe(expected[0] === 9);
      expect(readAll(block)).toEqual([expected]);
      ring.release();
    }
  });

  it('keeps its place when a release comes without a taken block', () => {
    const ring = new FakeRing(geometry);
    ring.release();
    ring.push([frame(1)]);
    expect(readAll(ring.take())).toEqual([[1]]);
  });

  it('tells how much is in the block it gives next, and its number', () => {
    const ring = new FakeRing(geometry);
    expect([ring.pendingPackets(), ring.openSequence()]).toEqual([0, 1]);
    ring.push([frame(1), frame(2)]);
    expect([ring.pendingPackets(), ring.openSequence()]).toEqual([2, 1]);
    expect(ring.take()!.sequence).toBe(1);
    expect([ring.pendingPackets(), ring.openSequence()]).toEqual([0, 2]);
    ring.pending([frame(3)]);
    expect([ring.pendingPackets(), ring.openSequence()]).toEqual([1, 2]);
  });

  it('tells the number of the block that the kernel opened last, however many wait before it', () => {
    const ring = new FakeRing(geometry);
    expect(ring.newestSequence()).toBe(1);
    ring.push([frame(1)]);
    ring.push([frame(2)]);
    expect([ring.openSequence(), ring.newestSequence()]).toEqual([1, 3]);
    // It has no place for the fourth.
    ring.push([frame(3)]);
    expect([ring.openSequence(), ring.newestSequence()]).toEqual([1, 3]);
  });

  it('tells nothing of a block that the kernel has yet to open again', () => {
    const ring = new FakeRing(geometry);
    for (let block = 0; block < geometry.blockCount; block++) ring.push([frame(1), frame(2)]);
    while (ring.take() !== undefined);
    // Next is the oldest held block, and after the release still as it was.
    expect([ring.pendingPackets(), ring.openSequence()]).toEqual([0, 4]);
    ring.release(geometry.blockCount);
    expect([ring.pendingPackets(), ring.openSequence()]).toEqual([0, 4]);
    ring.push([frame(1)]);
    expect(ring.take()!.sequence).toBe(4);
  });

  it('has blocks without packets, when the timer ran out just after one was opened', () => {
    const ring = new FakeRing(geometry);
    ring.push([], { seconds: 5, nanoseconds: 6 });
    const block = ring.take()!;
    expect(block.next()).toBe(false);
    expect(block).toMatchObject({
      packetCount: 0,
      openedSeconds: 5,
      openedNanoseconds: 6,
      sequence: 1,
      timedOut: true,
    });
  });

  it('skips outgoing packets when asked to', () => {
    const ring = new FakeRing(geometry, { skipOutgoing: true });
    const outgoing = { ...frame(2), packetType: PacketType.outgoing };
    ring.push([outgoing, frame(1), outgoing, frame(3), outgoing]);
    const block = ring.take()!;
    expect(readAll(block)).toEqual([[1], [3]]);
    expect(block.packetCount).toBe(5);
  });
});

describe('a packet in a block', () => {
  function read(packet: RingPacket): PacketBlock {
    const ring = new FakeRing(geometry);
    ring.push([packet]);
    const block = ring.take()!;
    block.next();
    return block;
  }

  it('tells when it came, how long it was and on which interface', () => {
    const packet = {
      ...frame(1, 2),
      wireLength: 1500,
      seconds: 4_000_000_000,
      nanoseconds: 999_999_999,
      interfaceIndex: 7,
    };
    expect(read(packet)).toMatchObject({
      seconds: 4_000_000_000,
      nanoseconds: 999_999_999,
      capturedLength: 2,
      wireLength: 1500,
      interfaceIndex: 7,
      packetType: PacketType.host,
      protocol: 0x0800,
    });
  });

  it('has no tag without the flag, whatever the fields hold', () => {
    expect(read(frame(1))).toMatchObject({ vlanPresent: false, vlanTci: 0, vlanTpid: 0 });
  });

  it('has a tag of the EtherType the kernel tells', () => {
    const packet = { ...frame(1), vlan: { tci: 0xe123, tpid: 0x88a8 } };
    expect(read(packet)).toMatchObject({ vlanPresent: true, vlanTci: 0xe123, vlanTpid: 0x88a8 });
  });

  it('has an 802.1Q tag when the kernel does not tell', () => {
    const packet = { ...frame(1), vlan: { tci: 0, tpid: undefined } };
    expect(read(packet)).toMatchObject({ vlanPresent: true, vlanTci: 0, vlanTpid: 0x8100 });
  });

  it('tells what a cooked header holds', () => {
    const packet = { ...frame(1), hardwareType: 778, protocol: 0x86dd, address: Uint8Array.of(1, 2, 3, 4) };
    const block = read(packet);
    expect(block).toMatchObject({ hardwareType: 778, protocol: 0x86dd, addressLength: 4 });
    expect([...block.bytes.subarray(block.addressStart, block.addressStart + 4)]).toEqual([1, 2, 3, 4]);
  });

  it('passes on the flags, such as a checksum that is not computed yet', () => {
    const status = TP_STATUS.checksumNotReady;
    expect(read({ ...frame(1), status }).status & status).toBe(status);
  });
});

it('what the kernel puts in comes out, packet for packet', () => {
  const packet = fc.record({
    bytes: fc.uint8Array({ maxLength: 300 }),
    wireLength: fc.nat(0xffff),
    seconds: fc.nat(0xffff_ffff),
    nanoseconds: fc.nat(999_999_999),
    vlan: fc.option(fc.record({ tci: fc.nat(0xffff), tpid: fc.constantFrom(0x8100, 0x88a8) }), { nil: undefined }),
    packetType: fc.nat(4),
  });
  fc.assert(
    fc.property(fc.array(fc.array(packet, { maxLength: 30 }), { maxLength: 8 }), (blocks) => {
      const ring = new FakeRing(geometry);
      for (const packets of blocks) {
        ring.push(packets.map(({ vlan, ...rest }) => (vlan === undefined ? rest : { ...rest, vlan })));
        expect(copies(ring.take()!)).toEqual(packets);
        ring.release();
      }
    }),
  );
});

function copies(block: PacketBlock) {
  const packets: unknown[] = [];
  while (block.next()) {
    packets.push({
      bytes: block.bytes.slice(block.start, block.start + block.capturedLength),
      wireLength: block.wireLength,
      seconds: block.seconds,
      nanoseconds: block.nanoseconds,
      vlan: block.vlanPresent ? { tci: block.vlanTci, tpid: block.vlanTpid } : undefined,
      packetType: block.packetType,
    });
  }
  return packets;
}
