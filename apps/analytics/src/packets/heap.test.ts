import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Heap } from './heap.js';

const drain = (heap: Heap<number>): number[] => Array.from({ length: heap.size }, () => heap.pop()!);
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
  it('keeps the first items when it is cut, and stays a heap', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.nat(20), fc.array(fc.integer()), (numbers, count, later) => {
        const heap = filled(numbers);
        heap.keepFirst(count);
        for (const number of later) heap.push(number);
        const kept = numbers.toSorted((a, b) => a - b).slice(0, count);
        expect(drain(heap)).toEqual([...kept, ...later].toSorted((a, b) => a - b));
      }),
    );
  });
  it('is empty at first', () => {
    expect(filled([]).pop()).toBeUndefined();
    expect(filled([]).peek()).toBeUndefined();
  });
});
