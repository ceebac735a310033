import { MINUTE_NS } from '@bpfleet/store';
import { describe, expect, it } from 'vitest';
import { stepNs } from './timeline-step.js';

const hours = (count: bigint) => ({ sinceNs: 0n, untilNs: count * 60n * MINUTE_NS });

describe('a step of the timeline', () => {
  it('is as long as makes at most a hundred points', () => {
    expect(stepNs(undefined, hours(1n))).toBe(MINUTE_NS);
    expect(stepNs(undefined, hours(10n))).toBe(10n * MINUTE_NS);
    expect(stepNs(undefined, hours(24n * 365n))).toBe(4n * 1440n * MINUTE_NS);
  });
  it.each([1n, 7n, 100n, 200n, 1_000n, 10_000n, 524_160n, 53_000_000n])(
    'makes at most a hundred points of %d minutes that begin within a step',
    (minutes) => {
      const [sinceNs, untilNs] = [MINUTE_NS * 1_439n, MINUTE_NS * (1_439n + minutes)];
      const step = stepNs(undefined, { sinceNs, untilNs });
      expect((untilNs - 1n) / step - sinceNs / step + 1n).toBeLessThanOrEqual(100n);
    },
  );
  it('is what was asked for', () => {
    expect(stepNs('15m', hours(10n))).toBe(15n * MINUTE_NS);
    expect(stepNs('365d', hours(1n))).toBe(365n * 1440n * MINUTE_NS);
  });
  it.each([
    ['no whole minutes', '90s'],
    ['shorter than one', '500ms'],
    ['longer than a database can divide by', '99999999d'],
    ['one of too many', '1m'],
    ['no duration', 'soon'],
  ])('is refused: %s', (_, text) => {
    expect(() => stepNs(text, hours(24n * 365n))).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });
});
