import { describe, expect, it } from 'vitest';
import { binaryBytes } from './binary-bytes.js';

describe('binaryBytes', () => {
  it.each([
    [0, '0 B'],
    [7, '7 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [50 * 1024 ** 3, '50 GiB'],
    [9000 * 1024 ** 4, '9000 TiB'],
  ])('of %d is %s', (bytes, text) => {
    expect(binaryBytes(bytes)).toBe(text);
  });
});
