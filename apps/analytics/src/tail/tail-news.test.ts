import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LongLog } from '../testing/long-log.js';
import { POLL_MS } from './config.js';
import { TailNews } from './tail-news.js';

describe('TailNews', () => {
  let store: LongLog;
  let news: TailNews;

  beforeEach(() => {
    vi.useFakeTimers();
    store = new LongLog();
    news = new TailNews(store);
  });
  afterEach(() => vi.useRealTimers());

  const isTold = async (changed: Promise<void>) => {
    let isTold = false;
    void changed.then(() => {
      isTold = true;
    });
    await vi.advanceTimersByTimeAsync(0);
    return isTold;
  };

  it('tells each time that it is time to look', async () => {
    const unfollow = news.follow();
    for (let round = 0; round < 3; round++) {
      const changed = news.changed();
      await vi.advanceTimersByTimeAsync(POLL_MS - 1);
      expect(await isTold(changed)).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(await isTold(changed)).toBe(true);
    }
    unfollow();
  });
  it('asks once for all who come while it asks', async () => {
    await Promise.all([news.ends(), news.ends(), news.ends(), news.ends()]);
    // The first one may have looked before the others came.
    expect(store.questions).toBe(2);
  });
  it('tells nobody when the last follower has gone', async () => {
    const unfollow = [news.follow(), news.follow()];
    unfollow[0]!();
    await vi.advanceTimersByTimeAsync(POLL_MS - 1);
    const [before, after] = [news.changed(), () => news.changed()];
    await vi.advanceTimersByTimeAsync(1);
    expect(await isTold(before)).toBe(true);
    unfollow[1]!();
    const changed = after();
    await vi.advanceTimersByTimeAsync(3 * POLL_MS);
    expect(await isTold(changed)).toBe(false);
  });
});
