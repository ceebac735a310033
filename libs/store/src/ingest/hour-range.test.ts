import { describe, expect, it } from 'vitest';
import type { SectionRow } from '../rows.js';
import { hourRange } from './hour-range.js';

const section = (tsMinNs: bigint, tsMaxNs: bigint, clockSuspect = false) =>
  ({ tsMinNs, tsMaxNs, clockSuspect }) as SectionRow;

describe('hourRange', () => {
  it('spans all sections', () => {
    expect(hourRange([section(5n, 9n), section(3n, 4n)])).toEqual([3n, 9n, null, null]);
  });
  it('keeps a host with a wrong clock apart', () => {
    expect(hourRange([section(5n, 9n), section(0n, 1n, true)])).toEqual([5n, 9n, 0n, 1n]);
  });
  it('is nothing without sections', () => {
    expect(hourRange([])).toBeUndefined();
  });
});
