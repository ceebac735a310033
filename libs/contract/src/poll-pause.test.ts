import { describe, expect, it } from 'vitest';
import { PollPause } from './poll-pause.js';

describe('PollPause', () => {
  const early = { isNews: false, tookMs: 1, waitMs: 30_000 };

  it('grows while nothing is new and nobody holds the question', () => {
    const pause = new PollPause();
    expect(Array.from({ length: 7 }, () => pause.after(early))).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('is none after news, or an answer that was held, and begins anew', () => {
    const pause = new PollPause();
    pause.after(early);
    expect(pause.after({ ...early, isNews: true })).toBe(0);
    expect(pause.after(early)).toBe(250);
    expect(pause.after({ ...early, tookMs: 29_999 })).toBe(0);
    expect(pause.after(early)).toBe(250);
  });
});
