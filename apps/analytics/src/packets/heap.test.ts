import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heap } from './heap.js';

const drain = (heap: Heap<number>): number[] => Array.from({ length: heap.items.length }, () => heap.pop()!);
const filled = (numbers: readonly number[]): Heap<number> => {
  const heap = new Heap<number>((a, b) => a < b);
  for (const number of numbers) heap.push(number);
  return heap;
};

describe('Heap', () => {
  it('gives items back in order', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), (numbers) => {
        expect(drain(filled(numbers))).toEqual(numbers.toSorted((a, b) => a - b));
      }),
    );
  });
  it('gives all away at once, and is empty then', () => {
    const heap = filled([3, 1, 2]);
    expect(heap.takeAll().toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    expect(heap.items.length).toBe(0);
  });
  it('is empty at first', () => {
    expect(filled([]).pop()).toBeUndefined();
    expect(filled([]).peek()).toBeUndefined();
  });
});
