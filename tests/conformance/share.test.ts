import { describe, expect, it } from 'vitest';
import { shareWithin } from './share.js';

describe('shareWithin', () => {
  it.each([
    ['0.79 of 350, of 0.8', 0.79, 350, 0.8, true],
    ['0.5 of 350, not of 0.8', 0.5, 350, 0.8, false],
    ['0.79 of 6,000, of 0.8', 0.79, 6000, 0.8, true],
    ['0.77 of 6,000, not of 0.8', 0.77, 6000, 0.8, false],
    ['none of 30, not of 0.95', 0, 30, 0.95, false],
    ['all of 30, of 0.95', 1, 30, 0.95, true],
  ])('knows what may be a sample: %s', (_, share, draws, bar, isPossible) => {
    const { least, most } = shareWithin(share, draws);
    expect(bar >= least && bar <= most).toBe(isPossible);
  });

  it('has the ends that Wilson gives', () => {
    // (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n) with p = 0.5, n = 100, z = 5: (0.625 ± 0.2795) / 1.25.
    const { least, most } = shareWithin(0.5, 100);
    expect([least, most].map((one) => one.toFixed(4))).toEqual(['0.2764', '0.7236']);
  });

  it('lies inside 0 and 1, and closes in on the share', () => {
    expect(shareWithin(0, 10).least).toBeCloseTo(0);
    expect(shareWithin(1, 10).most).toBeCloseTo(1);
    const { least, most } = shareWithin(0.3, 100_000_000);
    expect([least, most].map((one) => one.toFixed(2))).toEqual(['0.30', '0.30']);
  });
});
