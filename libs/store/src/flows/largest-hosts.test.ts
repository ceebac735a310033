import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LargestHosts } from './largest-hosts.js';
import { HostSums } from './sums.js';

interface Part {
  readonly encoded: Uint8Array;
  readonly weight: number;
}

const address = (family: 4 | 6, host: number): Uint8Array => {
  const last = [host >>> 24, host >>> 16, host >>> 8, host].map((byte) => byte & 255);
  return family === 4 ? Uint8Array.from(last) : Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, ...last);
};

function partOf(hosts: readonly (readonly [family: 4 | 6, host: number, count: number])[], weight = 1): Part {
  const sums = new HostSums();
  for (const [family, host, count] of hosts)
    sums.addFlow(address(family, host), address(family, host), count, 2 * count);
  return { encoded: sums.encode(), weight };
}

/** As the store tells them: a buffer that has other bytes behind the call. */
function addAll(hosts: LargestHosts, parts: readonly Part[]): LargestHosts {
  for (const { encoded, weight } of parts) {
    const buffer = Buffer.from(encoded);
    hosts.addEncoded(buffer, weight);
    buffer.fill(0);
  }
  return hosts;
}

function expected(parts: readonly Part[], order: 'packets' | 'bytes', limit: number) {
  const sums = new HostSums();
  for (const { encoded, weight } of parts) sums.addEncoded(encoded, weight);
  return sums.largest(order, limit);
}

const anyFamily = fc.constantFrom(4, 6);
/** A few hosts of all counts, and many that have next to nothing: more than there are cells. */
const anyParts = fc
  .record({
    heavy: fc.array(fc.tuple(anyFamily, fc.nat(40), fc.integer({ min: 1, max: 2 ** 40 })), { maxLength: 60 }),
    tail: fc.constantFrom(0, 500, 30_000),
    most: fc.constantFrom(1, 3, 1000),
    weights: fc.array(fc.constantFrom(1, 10), { minLength: 1, maxLength: 4 }),
  })
  .map(({ heavy, tail, most, weights }) => {
    const light = (part: number) =>
      Array.from({ length: tail }, (_, n) => [n % 5 === 0 ? 6 : 4, 1000 + n, 1 + ((n * (part + 7)) % most)] as const);
    return weights.map((weight, part) =>
      partOf([...heavy.filter((_, n) => n % weights.length === part), ...light(part)], weight),
    );
  });

describe('LargestHosts', () => {
  it('are those of a table of all hosts, with their counts', () => {
    fc.assert(
      fc.property(anyParts, fc.constantFrom('packets', 'bytes'), fc.constantFrom(1, 10, 200), (parts, order, limit) => {
        expect(addAll(new LargestHosts(), parts).largest(order, limit)).toEqual(expected(parts, order, limit));
      }),
      { numRuns: 30 },
    );
  });

  it('are found where all hosts have the same', () => {
    const parts = [1, 2].map(() => partOf(Array.from({ length: 40_000 }, (_, host) => [4, host, 5] as const)));
    expect(addAll(new LargestHosts(), parts).largest('packets', 7)).toEqual(expected(parts, 'packets', 7));
  });

  it('are the same of sums that are too many to keep', () => {
    const parts = [1, 10, 1].map((weight) =>
      partOf(
        [
          [4, 1, 3],
          [6, 2, 4],
          [4, weight, 5],
        ],
        weight,
      ),
    );
    const hosts = addAll(new LargestHosts({ mostKeptBytes: parts[0]!.encoded.length }), parts);
    expect(hosts.largest('bytes', 10)).toEqual(expected(parts, 'bytes', 10));
  });

  it.each([
    ['when asked', {}],
    ['when added', { mostKeptBytes: 0 }],
  ])('refuse more hosts than fit in memory, %s, and say how to ask', (_, limits) => {
    const parts = [
      partOf([
        [4, 1, 1],
        [4, 2, 1],
        [6, 3, 1],
      ]),
      partOf([[4, 4, 1]]),
    ];
    const ask = (mostHosts: number) => addAll(new LargestHosts({ ...limits, mostHosts }), parts).largest('packets', 1);
    expect(() => ask(3)).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', hint: expect.stringContaining('shorter range') }),
    );
    expect(ask(4)).toHaveLength(1);
  });
});
