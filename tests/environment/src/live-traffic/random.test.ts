import { describe, expect, it } from 'vitest';
import { seededRandom, zipf } from './random.js';

const draw = (count: number, next: () => number) => Array.from({ length: count }, next);

describe('seededRandom', () => {
  it('repeats with its seed', () => {
    expect(draw(5, seededRandom(7))).toEqual(draw(5, seededRandom(7)));
    expect(draw(5, seededRandom(7))).not.toEqual(draw(5, seededRandom(8)));
  });
  it('spreads evenly from 0 up to 1', () => {
    const numbers = draw(10_000, seededRandom(1));
    expect(Math.min(...numbers)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...numbers)).toBeLessThan(1);
    expect(numbers.filter((number) => number < 0.25).length / 10_000).toBeCloseTo(0.25, 1);
  });
});

describe('zipf', () => {
  it('picks the first most often, and every one sometimes', () => {
    const picks = draw(20_000, zipf(seededRandom(1), 8, 1));
    const counts = Array.from({ length: 8 }, (_, index) => picks.filter((pick) => pick === index).length);
    expect(counts.toSorted((a, b) => b - a)).toEqual(counts);
    expect(counts[0]! / counts[7]!).toBeCloseTo(8, -0.5);
  });
});
