import { describe, expect, it } from 'vitest';
import { arrivalClock } from './arrival-clock.js';

describe('arrivalClock', () => {
  it('tells microseconds within the millisecond that the system tells', () => {
    let monotonicMs = 500.25;
    const clock = arrivalClock(
      () => 1_000_000 + Math.floor(monotonicMs + 0.25),
      () => monotonicMs,
    );
    const told = Array.from({ length: 2000 }, () => {
      monotonicMs += 0.1;
      return { atUs: clock(), wallMs: 1_000_000 + Math.floor(monotonicMs + 0.25) };
    });
    expect(told.every(({ atUs, wallMs }) => Math.floor(atUs / 1000) === wallMs)).toBe(true);
    expect(told.every(({ atUs }, index) => index === 0 || atUs >= told[index - 1]!.atUs)).toBe(true);
    // Ten to a millisecond are told apart, not rounded to one.
    expect(new Set(told.map(({ atUs }) => atUs)).size).toBeGreaterThan(1900);
  });

  it.each([-3_600_000, 3_600_000])('follows the system when it is set by %d ms', (stepMs) => {
    let wallMs = 10_000_000;
    const clock = arrivalClock(
      () => wallMs,
      () => 1,
    );
    clock();
    wallMs += stepMs;
    expect(Math.floor(clock() / 1000)).toBe(10_000_000 + stepMs);
  });
});
