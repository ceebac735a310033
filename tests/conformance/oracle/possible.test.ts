import { contains } from '@bpfleet/bpf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPossible } from './possible.js';

const byte = fc.integer({ min: 0, max: 255 });
const within = fc.oneof(
  byte.map((one) => Uint32Array.of(one, one)),
  fc.tuple(byte, byte).map(([a, b]) => Uint32Array.of(Math.min(a, b), Math.max(a, b))),
  fc.tuple(byte, byte).map(([a, b]) => Uint32Array.of(0, Math.min(a, b), Math.max(a, b) + 2, 0xffff_ffff)),
);
const answered = fc.record({
  mask: fc.oneof(fc.constant(0xffff_ffff), byte),
  within,
  answer: fc.boolean(),
});

describe('isPossible', () => {
  it('finds a number of eight bits where there is one, and none where there is none', () => {
    fc.assert(
      fc.property(fc.array(answered, { maxLength: 5 }), (answers) => {
        const fits = (number: number) =>
          answers.every(({ mask, within: set, answer }) => contains(set, (number & mask) >>> 0) === answer);
        expect(isPossible(answers, 8)).toBe(Array.from({ length: 256 }, (_, number) => number).some(fits));
      }),
      { numRuns: 5000 },
    );
  });
  it('knows that two halves of a word are one number', () => {
    const high = { mask: 0xffff_0000, within: Uint32Array.of(0x0a00_0000, 0x0a00_0000), answer: true };
    const address = { mask: 0xffff_ffff, within: Uint32Array.of(0x0a01_0000, 0x0a01_ffff), answer: true };
    expect([isPossible([high], 32), isPossible([address], 32), isPossible([high, address], 32)]).toEqual([
      true,
      true,
      false,
    ]);
  });
  it('knows a bit among many that nobody asks for', () => {
    const isOdd = { mask: 1, within: Uint32Array.of(1, 1), answer: true };
    expect(isPossible([isOdd, { ...isOdd, answer: false }], 32)).toBe(false);
  });
});
