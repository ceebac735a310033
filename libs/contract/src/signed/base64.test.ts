import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64, toBase64 } from './base64.js';

describe('base64', () => {
  it('is what Node writes, and reads what it wrote', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = toBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(text)).toEqual(bytes);
      }),
    );
  });

  it('makes a text that takes no more memory than it has characters', () => {
    const bytes = new Uint8Array(75_000);
    const before = process.memoryUsage().heapUsed;
    const texts = Array.from({ length: 100 }, () => toBase64(bytes));
    const grownBytes = process.memoryUsage().heapUsed - before;
    const characters = texts.reduce((sum, { length }) => sum + length, 0);
    expect(characters).toBe(10_000_000);
    expect(grownBytes).toBeLessThan(3 * characters);
  });
});
