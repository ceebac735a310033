import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runUntil } from './run-until.js';

const HOUR_MS = 3_600_000;
const at = (runHours: number, nowMs: number) => Date.parse(runUntil(runHours, nowMs)!);

describe('what agents run', () => {
  it('has no end without a time', () => {
    expect(runUntil(0, Date.now())).toBeUndefined();
  });
  it('ends after its time at the earliest, a quarter of it later at the latest', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 9000, noNaN: true }), fc.nat(2 ** 41), (runHours, nowMs) => {
        const leftMs = at(runHours, nowMs) - nowMs;
        expect(leftMs).toBeGreaterThanOrEqual(runHours * HOUR_MS - 1);
        expect(leftMs).toBeLessThanOrEqual(1.25 * runHours * HOUR_MS + 1);
      }),
    );
  });
  it('is prolonged four times in it, and stays the same between', () => {
    const ends = Array.from({ length: 4 * 100 }, (_, index) => at(4, 1_000 * HOUR_MS + index * (HOUR_MS / 100)));
    expect(new Set(ends).size).toBe(4);
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
  });
});
