import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { POLL_MS } from './config.js';
import { TailNews } from './tail-news.js';

/** A store that notifies, and breaks, when it is told to. */
class Listened {
  listens = 0;
  wake = () => {};
  breakOff: (error?: Error) => void = () => {};
  refusal: Error | undefined;

  async ends() {
    return { ends: [], nowUs: 0, retainedFromUs: 0 };
  }
  async listen(wake: () => void, signal: AbortSignal) {
    this.listens++;
    if (this.refusal) throw this.refusal;
    this.wake = wake;
    await new Promise<void>((resolve, reject) => {
      this.breakOff = (error) => (error ? reject(error) : resolve());
      signal.addEventListener('abort', () => resolve());
    });
  }
}

describe('TailNews', () => {
  let store: Listened;
  let failures: unknown[];
  let news: TailNews;

  beforeEach(() => {
    vi.useFakeTimers();
    store = new Listened();
    failures = [];
    news = new TailNews(store, (error) => failures.push(error));
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

  it('tells by the notification, at once', async () => {
    const unfollow = news.follow();
    const changed = news.changed();
    expect(await isTold(changed)).toBe(false);
    store.wake();
    expect(await isTold(changed)).toBe(true);
    unfollow();
  });
  it('tells within one poll where the notification was missed', async () => {
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
  it.each([
    ['that breaks', () => store.breakOff(new Error('cut'))],
    ['that ends without an error', () => store.breakOff()],
  ])('counts a connection %s, and listens anew with the next poll', async (_, cut) => {
    const unfollow = news.follow();
    for (let round = 1; round <= 3; round++) {
      cut();
      await vi.advanceTimersByTimeAsync(POLL_MS);
      expect(failures).toHaveLength(round);
      expect(store.listens).toBe(round + 1);
    }
    const changed = news.changed();
    store.wake();
    expect(await isTold(changed)).toBe(true);
    unfollow();
  });
  it('counts each LISTEN that is refused, and polls meanwhile', async () => {
    store.refusal = new Error('no connection left');
    const unfollow = news.follow();
    const changed = news.changed();
    await vi.advanceTimersByTimeAsync(3 * POLL_MS);
    expect(await isTold(changed)).toBe(true);
    expect(failures).toEqual(Array(4).fill(store.refusal));
    unfollow();
  });
  it('counts no failure when the last follower has gone, and looks no more', async () => {
    const unfollow = news.follow();
    const changed = news.changed();
    unfollow();
    await vi.advanceTimersByTimeAsync(3 * POLL_MS);
    expect(await isTold(changed)).toBe(false);
    expect(failures).toEqual([]);
  });
});
