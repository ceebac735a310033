import { describe, expect, it } from 'vitest';
import { decideGap } from './gap.js';

const gap = { from: 10n, to: 20n };

describe('decideGap', () => {
  it('reads again when the log still has the offsets', () => {
    expect(decideGap(gap, 0n, undefined)).toBe('read-again');
    expect(decideGap(gap, 10n, undefined)).toBe('read-again');
  });
  it('takes the same gap for legal the second time', () => {
    expect(decideGap(gap, 10n, gap)).toBe('legal');
  });
  it('reads again for another gap at the same place', () => {
    expect(decideGap(gap, 10n, { from: 10n, to: 19n })).toBe('read-again');
  });
  it('names exactly the offsets that retention took', () => {
    expect(decideGap(gap, 15n, undefined)).toEqual({ lost: { from: 10n, to: 15n } });
    expect(decideGap(gap, 20n, undefined)).toEqual({ lost: { from: 10n, to: 20n } });
  });
  it('never calls a record lost that was delivered', () => {
    expect(decideGap(gap, 99n, undefined)).toEqual({ lost: { from: 10n, to: 20n } });
  });
  it('sees retention even when the gap was read again before', () => {
    expect(decideGap(gap, 11n, gap)).toEqual({ lost: { from: 10n, to: 11n } });
  });
});
