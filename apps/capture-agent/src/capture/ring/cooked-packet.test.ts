import { FakeRing } from '@bpfleet/linux';
import { describe, expect, it } from 'vitest';
import { CookedPacket } from './cooked-packet.js';
import { RingPacket } from './ring-packet.js';

describe('CookedPacket', () => {
  const ring = new FakeRing({ blockBytes: 1 << 16, blockCount: 4 });
  const packet = new RingPacket();
  const cooked = new CookedPacket(packet);
  function take(shown: Parameters<FakeRing['push']>[0][number]): Uint8Array {
    ring.push([shown]);
    packet.block = ring.take()!;
    packet.block.next();
    cooked.take();
    const bytes = cooked.bytes.slice(cooked.start, cooked.capturedLength);
    ring.release();
    return bytes;
  }

  it('has the header that libpcap puts in front, then the packet', () => {
    const bytes = take({
      bytes: Uint8Array.of(0x45, 1, 2),
      wireLength: 1500,
      protocol: 0x0800,
      interfaceIndex: 7,
      hardwareType: 778,
      packetType: 4,
      address: Uint8Array.of(10, 0, 0, 1),
    });
    expect([...bytes]).toEqual([
      ...[0x08, 0x00, 0, 0, 0, 0, 0, 7, 778 >> 8, 778 & 0xff, 4, 4],
      ...[10, 0, 0, 1, 0, 0, 0, 0],
      ...[0x45, 1, 2],
    ]);
    expect([cooked.wireLength, cooked.packetType, cooked.protocol]).toEqual([1520, 4, 0x0800]);
  });

  it('keeps nothing of the address before, nor of the packet before', () => {
    take({ bytes: new Uint8Array(40).fill(9), address: new Uint8Array(8).fill(9) });
    const bytes = take({ bytes: Uint8Array.of(1), protocol: 0x86dd });
    expect(bytes).toHaveLength(21);
    expect([...bytes.subarray(11, 21)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  });
});
