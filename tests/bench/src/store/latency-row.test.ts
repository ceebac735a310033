import { describe, expect, it } from 'vitest';
import { latencyRow } from './latency-row.js';

describe('latencyRow', () => {
  const name = { bench: 'store', row: '  rare hosts' };
  it('judges the percentile, and shows the fastest and the slowest', () => {
    const times = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(latencyRow(name, times, 0.95, 95, 20)).toMatchObject({ value: 95, spread: [1, 100], n: 100, ok: true });
  });
  it('refuses a row of nothing', () => {
    expect(() => latencyRow(name, [], 0.95, 50, 20)).toThrow('rare hosts: nothing was measured');
  });
});
