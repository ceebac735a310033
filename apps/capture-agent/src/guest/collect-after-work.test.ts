import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CollectAfterWork } from './collect-after-work.js';

describe('CollectAfterWork', () => {
  let collections = 0;
  let work: CollectAfterWork;
  beforeEach(() => {
    vi.useFakeTimers();
    collections = 0;
    work = new CollectAfterWork(() => collections++);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('collects after work, and then no more', () => {
    work.done();
    expect(collections).toBe(0);
    vi.advanceTimersByTime(3_600_000);
    expect(collections).toBe(2);
  });

  const workFor = (seconds: number): void => {
    for (let second = 0; second < seconds; second++) {
      work.done();
      vi.advanceTimersByTime(1000);
    }
  };

  it('waits while more work comes', () => {
    workFor(12);
    expect(collections).toBe(0);
    vi.advanceTimersByTime(60_000);
    expect(collections).toBe(2);
  });

  it('collects a few times a minute while work goes on', () => {
    workFor(600);
    expect(collections).toBeGreaterThan(30);
    expect(collections).toBeLessThan(45);
  });

  it('does nothing where there was no work', () => {
    vi.advanceTimersByTime(3_600_000);
    expect(collections).toBe(0);
  });
});
