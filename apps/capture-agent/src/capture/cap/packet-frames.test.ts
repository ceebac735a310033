import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketFrameReader, PacketFrameWriter } from './packet-frames.js';

const packets = fc.array(
  fc.record({
    device: fc.nat(0xffff_ffff),
    atUs: fc.nat(Number.MAX_SAFE_INTEGER),
    packet: fc.uint8Array({ maxLength: 300 }),
  }),
  { maxLength: 40 },
);

describe('packet frames', () => {
  it('come out as they went in, in whatever pieces they arrive', () => {
    fc.assert(
      fc.property(packets, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sent, sizes) => {
        const written: number[] = [];
        const writer = new PacketFrameWriter((bytes) => written.push(...bytes));
        for (const { device, atUs, packet } of sent) writer.add(device, atUs, packet);
        writer.flush();
        const got: typeof sent = [];
        const reader = new PacketFrameReader((device, atUs, packet) =>
          got.push({ device, atUs, packet: Uint8Array.from(packet) }),
        );
        for (let at = 0, turn = 0; at < written.length; turn++) {
          const size = sizes[turn % sizes.length]!;
          reader.push(Uint8Array.from(written.slice(at, at + size)));
          at += size;
        }
        expect(got).toEqual(sent);
      }),
    );
  });

  it('are written when a batch is full, without being asked', () => {
    const writes: number[] = [];
    const writer = new PacketFrameWriter((bytes) => writes.push(bytes.length));
    for (let each = 0; each < 9; each++) writer.add(1, each, new Uint8Array(65_535));
    expect(writes.length).toBe(2);
    writer.flush();
    writer.flush();
    expect(writes.reduce((sum, size) => sum + size, 0)).toBe(9 * (65_535 + 16));
    expect(writer.isEmpty).toBe(true);
  });
});
