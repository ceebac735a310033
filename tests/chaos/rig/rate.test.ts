import { describe, expect, it } from 'vitest';
import { expectRate, rateFault } from './rate.js';

describe('the rate of a run', () => {
  it.each([20_000, 16_000, 25_000])('is what its row names at %i/s of 20000/s', (sent) => {
    expect(rateFault(sent, 20_000)).toBeUndefined();
  });

  it.each([15_999, 0, Number.NaN])('makes it void at %d/s of 20000/s', (sent) => {
    expect(rateFault(sent, 20_000)).toBe(`the machine sent only ${sent}/s of 20000/s: measure again on a quiet one`);
  });

  it('is no matter in the short form', () => {
    expectRate(1, 20_000, false);
  });

  it.fails('fails the test in the long form', () => {
    expectRate(1, 20_000, true);
  });
});
