import { describe, expect, it } from 'vitest';
import { outlived } from './outlived.js';
import type { Partition } from './partition-list.js';

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 29, 12, 30);

/** The hour that began so many hours before the running one; `bytes` each. */
function hour(ago: number, bytes = 100): Partition {
  const beginMs = Date.UTC(2026, 10, 29, 12) - ago * HOUR_MS;
  return {
    name: `h${ago}`,
    table: 'section',
    class: 'section',
    beginMs,
    endMs: beginMs + HOUR_MS,
    bytes,
    rows: 1,
    isEmpty: false,
  };
}
const hours = [5, 4, 3, 2, 1, 0, -1].map((ago) => hour(ago));
const going = (limits: { hours: number; bytes: number }, most = 10, nowMs = NOW_MS) =>
  outlived(hours, limits, nowMs, most).map(({ partition, reason }) => `${partition.name} ${reason}`);

describe('outlived', () => {
  it.each([
    ['nothing within its limits', { hours: 5, bytes: 700 }, []],
    ['hours whose last row is too old', { hours: 3, bytes: 700 }, ['h5 age', 'h4 age']],
    ['the oldest until the rest fits', { hours: 9, bytes: 450 }, ['h5 size', 'h4 size', 'h3 size']],
    ['by age first', { hours: 4, bytes: 450 }, ['h5 age', 'h4 size', 'h3 size']],
    [
      'neither the running hour nor the one before, however large',
      { hours: 1, bytes: 1 },
      ['h5 age', 'h4 age', 'h3 age', 'h2 age'],
    ],
  ])('lets go of %s', (_, limits, names) => {
    expect(going(limits)).toEqual(names);
  });
  it('lets go of a few at a time', () => {
    expect(going({ hours: 1, bytes: 1 }, 2)).toEqual(['h5 age', 'h4 age']);
  });
  it('lets go of nothing that lies ahead of a clock that was set back', () => {
    expect(going({ hours: 1, bytes: 1 }, 10, NOW_MS - 24 * HOUR_MS)).toEqual([]);
  });
});
