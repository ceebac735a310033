import { describe, expect, it } from 'vitest';
import { age } from './age.js';

describe('age', () => {
  const now = Date.parse('2026-11-22T10:00:00Z');
  it.each([
    ['2026-11-22T09:59:59.500Z', '0s'],
    ['2026-11-22T10:00:05.000Z', '0s'],
    ['2026-11-22T09:59:48.000Z', '12s'],
    ['2026-11-22T09:57:30.000Z', '2m'],
    ['2026-11-22T03:00:00.000Z', '7h'],
    ['2026-11-20T03:00:00.000Z', '2d'],
  ])('of %s is %s', (instant, text) => {
    expect(age(instant, now)).toBe(text);
  });
});
