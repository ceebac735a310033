import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostSums, ServiceSums } from './sums.js';

const anyAddress = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.tuple(fc.nat(3), fc.nat(3)).map(([a, b]) => Uint8Array.of(10, 0, a, b)),
  fc.tuple(fc.nat(3), fc.nat(3)).map(([a, b]) => Uint8Array.of(0x20, 1, ...Array<number>(12).fill(0), a, b)),
);
const anyCount = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 44 }));
const anyFlow = fc.record({ source: anyAddress, packets: anyCount, bytes: anyCount, isToItself: fc.boolean() });

describe('HostSums', () => {
  it('sums by host, through its bytes and back, and finds the largest', () => {
    const other = Uint8Array.of(192, 0, 2, 1);
    fc.assert(
      fc.property(fc.array(anyFlow, { maxLength: 300 }), fc.integer({ min: 1, max: 20 }), (flows, limit) => {
        const parts = [new HostSums(), new HostSums()];
        const expected = new Map<string, { packets: number; bytes: number }>();
        const count = (address: Uint8Array, packets: number, bytes: number) => {
          const key = Buffer.from(address).toString('hex');
          const known = expected.get(key) ?? { packets: 0, bytes: 0 };
          expected.set(key, { packets: known.packets + packets, bytes: known.bytes + bytes });
        };
        flows.forEach(({ source, packets, bytes, isToItself }, index) => {
          const destination = isToItself ? source : other;
          parts[index % 2]!.addFlow(source, destination, packets, bytes);
          count(source, packets, bytes);
          if (!Buffer.from(source).equals(destination)) count(destination, packets, bytes);
        });
        const merged = new HostSums();
        for (const part of parts) merged.addEncoded(part.encode());
        const found = merged.largest('bytes', limit);
        const largest = [...expected.values()].map(({ bytes }) => bytes).toSorted((a, b) => b - a);
        expect(found.map(({ bytes }) => bytes)).toEqual(largest.slice(0, limit));
        for (const { key, packets, bytes } of found) {
          expect({ packets, bytes }).toEqual(expected.get(Buffer.from(key).toString('hex')));
        }
        expect(merged.size).toBe(expected.size);
      }),
    );
  });
});

/** More keys than any table has room for at first, so that it grows with its estimates. */
const MANY = 1000;

describe('HostSums of packets that stand for several', () => {
  it('estimates by each weight, and counts all alike', () => {
    const part = new HostSums();
    for (let host = 0; host < MANY; host++) {
      part.addFlow(Uint8Array.of(10, 0, host >> 8, host & 255), Uint8Array.of(10, 9, 9, 9), 1, 100);
    }
    const sums = new HostSums();
    sums.addEncoded(new HostSums().encode(), 3);
    for (const weight of [1, 10, 1, 2]) sums.addEncoded(part.encode(), weight);
    const [largest, one] = sums.largest('packets', 2);
    expect(one).toMatchObject({ packets: 4, bytes: 400, estimatedPackets: 14, estimatedBytes: 1400 });
    expect(largest).toMatchObject({ packets: 4 * MANY, estimatedPackets: 14 * MANY });
  });
});

describe('ServiceSums', () => {
  it('keeps protocols and ports apart, and those without a port', () => {
    const sums = new ServiceSums();
    sums.add(6, 443, 1, 60);
    sums.add(17, 443, 2, 2 ** 40);
    sums.add(255, -1, 3, 1);
    sums.add(6, 65_535, 4, 1);
    const again = new ServiceSums();
    again.addEncoded(sums.encode());
    again.addEncoded(sums.encode());
    expect([...again.sums()].map(({ key, packets, bytes }) => ({ key, packets, bytes }))).toEqual([
      { key: { protocol: 6, port: 443 }, packets: 2, bytes: 120 },
      { key: { protocol: 17, port: 443 }, packets: 4, bytes: 2 ** 41 },
      { key: { protocol: 255, port: -1 }, packets: 6, bytes: 2 },
      { key: { protocol: 6, port: 65_535 }, packets: 8, bytes: 2 },
    ]);
  });
});
