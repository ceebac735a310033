import { describe, expect, it } from 'vitest';
import { News } from './news.js';

const never = new AbortController().signal;

describe('News', () => {
  it('ends a wait, also one that begins later, but only one', async () => {
    const news = new News();
    const waiting = news.wait(1e6, never);
    news.came();
    await waiting;
    news.came();
    news.came();
    await news.wait(1e6, never);
    const start = performance.now();
    await news.wait(20, never);
    expect(performance.now() - start).toBeGreaterThan(15);
  });

  it('ends a wait when it is told to', async () => {
    const news = new News();
    const stopping = new AbortController();
    const waiting = news.wait(1e6, stopping.signal);
    stopping.abort();
    await waiting;
    await news.wait(1e6, stopping.signal);
  });
});
