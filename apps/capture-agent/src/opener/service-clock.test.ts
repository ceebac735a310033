import { describe, expect, it } from 'vitest';
import { ServiceClock } from './service-clock.js';

describe('the service clock', () => {
  const clock = (savedMs: number) => {
    const boot = { ms: 5000 };
    return { boot, clock: new ServiceClock(savedMs, () => boot.ms) };
  };

  it('says nothing before the service was heard of', () => {
    expect(clock(0).clock.timeMs).toBe(0);
  });
  it('goes on from what was heard, by the time since boot', () => {
    const { boot, clock: one } = clock(0);
    one.heard(1_000_000);
    boot.ms += 700;
    expect(one.timeMs).toBe(1_000_700);
  });
  it('goes on after a restart without contact from where it was saved, so that what has an end comes to it', () => {
    const { boot, clock: one } = clock(2_000_000);
    boot.ms += 300;
    expect(one.timeMs).toBe(2_000_300);
  });
  it('is not set back by a state that comes late', () => {
    const { boot, clock: one } = clock(2_000_000);
    boot.ms += 300;
    one.heard(2_000_100);
    expect(one.timeMs).toBe(2_000_300);
    one.heard(3_000_000);
    expect(one.timeMs).toBe(3_000_000);
  });
  it('is put right, in both directions, by what was said just now', () => {
    const { boot, clock: one } = clock(2_000_000);
    one.set(1_000_000);
    boot.ms += 300;
    expect(one.timeMs).toBe(1_000_300);
    one.set(3_000_000);
    expect(one.timeMs).toBe(3_000_000);
  });
});
