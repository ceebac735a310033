import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type TimeWindow, TimeWindows } from './time-windows.js';

function all(windows: TimeWindows, growth: bigint): TimeWindow[] {
  const found: TimeWindow[] = [];
  for (let window = windows.next(1n); window; window = windows.next(growth)) found.push(window);
  return found;
}

describe('TimeWindows', () => {
  it('go from the newest to the oldest, and from the oldest to the newest, without a bound at the ends', () => {
    expect(all(new TimeWindows('newest', 90n, 65n, 10n), 1n)).toEqual([
      { fromNs: undefined, toNs: 90n },
      { fromNs: 90n, toNs: 80n },
      { fromNs: 80n, toNs: 70n },
      { fromNs: 70n, toNs: undefined },
    ]);
    expect(all(new TimeWindows('oldest', 10n, 25n, 10n), 1n)).toEqual([
      { fromNs: undefined, toNs: 10n },
      { fromNs: 10n, toNs: 20n },
      { fromNs: 20n, toNs: undefined },
    ]);
  });

  it('are one, where there is nothing to part', () => {
    expect(all(new TimeWindows('newest', undefined, 0n, 0n), 1n)).toEqual([{ fromNs: undefined, toNs: undefined }]);
    expect(all(new TimeWindows('oldest', 30n, 25n, 10n), 1n)).toEqual([{ fromNs: undefined, toNs: undefined }]);
  });

  it('are soon through the longest time, where each is longer than the one before', () => {
    expect(all(new TimeWindows('newest', 2n ** 62n, -(2n ** 62n), 1_000_000n), 4n).length).toBeLessThan(25);
  });

  it('hold each moment once', () => {
    const anyNs = fc.bigInt({ min: -1000n, max: 1000n });
    fc.assert(
      fc.property(anyNs, anyNs, anyNs, fc.bigInt({ min: 1n, max: 300n }), (moment, start, end, length) => {
        const rising = all(new TimeWindows('oldest', start, end, length), 2n);
        const isIn = ({ fromNs, toNs }: TimeWindow) =>
          (fromNs === undefined || moment >= fromNs) && (toNs === undefined || moment < toNs);
        expect(rising.filter(isIn)).toHaveLength(1);
        const falling = all(new TimeWindows('newest', start, end, length), 2n);
        const isInFalling = ({ fromNs, toNs }: TimeWindow) =>
          (fromNs === undefined || moment <= fromNs) && (toNs === undefined || moment > toNs);
        expect(falling.filter(isInFalling)).toHaveLength(1);
      }),
    );
  });
});
