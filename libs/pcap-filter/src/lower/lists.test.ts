import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { u16, u32 } from '../../../../tests/conformance/ir/layers.js';
import { whole } from '../../../../tests/conformance/packets/packets.js';
import { evaluate } from '../ir/evaluate.js';
import { at, type Ir } from '../ir/ir.js';
import { ALL_BITS } from '../ir/ranges.js';
import { addressSetOf, inAddressSet, isOneOfWords, portsIn, type Word } from './lists.js';

const holds = (ir: Ir, bytes: readonly number[]) => evaluate(ir, whole(Uint8Array.from(bytes)));
const address = fc.oneof(
  fc.integer({ min: 0, max: 20 }),
  fc.constantFrom(0x0a00_0000, 0x0aff_ffff, 0x8000_0000, ALL_BITS),
);
const mask = fc.constantFrom(ALL_BITS, ALL_BITS, 0xffff_fffc, 0xff00_0000, 0xff00_00ff, 0xf, 0);

describe('inAddressSet', () => {
  it('finds an address that is in one of the networks, whether their masks have holes or not', () => {
    const networks = fc.array(fc.record({ address, mask }), { minLength: 1, maxLength: 8 });
    const property = fc.property(networks, address, (list, one) => {
      const isIn = list.some((network) => ((one ^ network.address) & network.mask) === 0);
      expect(holds(inAddressSet(at(0, 4), addressSetOf(list)), u32(one))).toBe(isIn);
    });
    fc.assert(property, { numRuns: 2000 });
  });
  it('makes one range of networks that touch', () => {
    const halves = [0x0a00_0000, 0x0a80_0000].map((network) => ({ address: network, mask: 0xff80_0000 }));
    expect(addressSetOf(halves)).toEqual({ ranges: Uint32Array.of(0x0a00_0000, 0x0aff_ffff), holed: [] });
  });
});

describe('isOneOfWords', () => {
  const fields = [0, 4, 8, 12].map((offset) => at(offset, 4));
  const word = fc.integer({ min: 0, max: 3 });
  /** As a prefix of so many words, and some bits of the next. */
  const network = fc
    .tuple(fc.array(word, { minLength: 4, maxLength: 4 }), fc.integer({ min: 0, max: 4 }), fc.boolean())
    .map(([words, whole_, more]): Word[] =>
      words.map((value, index) => {
        const bits = index < whole_ ? ALL_BITS : index === whole_ && more ? 0xffff_fffe : 0;
        return { address: (value & bits) >>> 0, mask: bits };
      }),
    );
  it('finds a value whose words are those of one in the list', () => {
    const lists = fc.array(network, { minLength: 1, maxLength: 12 });
    const property = fc.property(lists, fc.array(word, { minLength: 4, maxLength: 4 }), (list, words) => {
      const isIn = list.some((one) =>
        one.every((part, index) => (((words[index] ?? 0) ^ part.address) & part.mask) === 0),
      );
      expect(
        holds(
          isOneOfWords(fields, list),
          words.flatMap((value) => [...u32(value)]),
        ),
      ).toBe(isIn);
    });
    fc.assert(property, { numRuns: 3000 });
  });
  it('asks for halves of a list that begins in many ways', () => {
    const list = Array.from({ length: 40 }, (_, index): Word[] => [
      { address: 3 * index, mask: ALL_BITS },
      { address: index, mask: ALL_BITS },
    ]);
    const ir = isOneOfWords(fields, list);
    for (let value = 0; value < 130; value++) {
      expect(holds(ir, [...u32(value), ...u32(value / 3)])).toBe(value % 3 === 0 && value < 120);
    }
  });
});

it('portsIn finds a port in one range, and in several', () => {
  const range = fc
    .tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 9 }))
    .map(([from, more]) => ({ from, to: from + more }));
  const property = fc.property(
    fc.array(range, { minLength: 1, maxLength: 5 }),
    fc.integer({ min: 0, max: 45 }),
    (ranges, port) => {
      const isIn = ranges.some(({ from, to }) => from <= port && port <= to);
      expect(holds(portsIn(at(0, 2), ranges), u16(port))).toBe(isIn);
    },
  );
  fc.assert(property, { numRuns: 1000 });
});
