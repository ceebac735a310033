import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapOfSet } from './maps.js';

/** Sorted, disjoint ranges from any numbers. */
const ranges = fc
  .uniqueArray(fc.integer({ min: 0, max: 0xffff_ffff }), { minLength: 2, maxLength: 60 })
  .map((bounds) => {
    const sorted = Uint32Array.from(bounds.length % 2 === 0 ? bounds : bounds.slice(1)).sort();
    return sorted;
  });

function prefixes(keys: Uint8Array): { bits: number; from: number; to: number }[] {
  const view = new DataView(keys.buffer);
  return Array.from({ length: keys.length / 8 }, (_, index) => {
    const bits = view.getUint32(index * 8, true);
    const from = view.getUint32(index * 8 + 4, false);
    return { bits, from, to: from + 2 ** (32 - bits) - 1 };
  });
}

describe('mapOfSet', () => {
  it('keeps single numbers as they are, in the byte order in which a register is stored', () => {
    const map = mapOfSet(Uint32Array.of(7, 8, 0xc0a80001, 0xc0a80001));
    expect(map).toMatchObject({ kind: 'hash', keyBytes: 4, entries: 3 });
    expect([...new Uint32Array(map.keys.buffer)]).toEqual([7, 8, 0xc0a80001]);
  });

  it('makes networks one prefix each', () => {
    const map = mapOfSet(Uint32Array.of(0x0a000000, 0x0affffff, 0xc0a80000, 0xc0a8ffff));
    expect(map).toMatchObject({ kind: 'lpm', keyBytes: 8, entries: 2 });
    expect(prefixes(map.keys).map(({ bits, from }) => [from, bits])).toEqual([
      [0x0a000000, 8],
      [0xc0a80000, 16],
    ]);
  });

  it('takes every number, and one more than none', () => {
    expect(prefixes(mapOfSet(Uint32Array.of(0, 0xffff_ffff)).keys)).toEqual([{ bits: 0, from: 0, to: 0xffff_ffff }]);
  });

  it('covers exactly the ranges, with blocks in their places', () => {
    fc.assert(
      fc.property(ranges, (set) => {
        const map = mapOfSet(set);
        if (map.kind !== 'lpm') return;
        const joined: number[] = [];
        for (const { from, to, bits } of prefixes(map.keys)) {
          expect(from % 2 ** (32 - bits)).toBe(0);
          if (joined.at(-1) === from - 1) joined[joined.length - 1] = to;
          else joined.push(from, to);
        }
        const touching = [...set].reduce<number[]>((bounds, bound, index) => {
          if (index % 2 === 0 && bounds.at(-1) === bound - 1) bounds.pop();
          else bounds.push(bound);
          return bounds;
        }, []);
        expect(joined).toEqual(touching);
      }),
    );
  });
});
