import { describe, expect, it } from 'vitest';
import { hoursToLimit } from './store-status.js';

describe('hoursToLimit', () => {
  it.each([
    ['at the rate of late', 40, 10, { hours: 100, bytes: 100 }, 6],
    ['none where age ends it before', 40, 10, { hours: 10, bytes: 100 }, undefined],
    ['none where nothing grows', 40, 0, { hours: 10, bytes: 100 }, undefined],
    ['none where nothing tells the rate', 40, undefined, { hours: 10, bytes: 100 }, undefined],
    ['none without a limit', 40, 10, { hours: 10 }, undefined],
    ['at once where it is passed', 101, 10, { hours: 10, bytes: 100 }, 0],
  ])('is %s', (_, bytes, rate, limits, hours) => {
    expect(hoursToLimit(bytes, rate, limits)).toBe(hours);
  });
});
