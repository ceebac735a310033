import { beforeEach, describe, expect, it } from 'vitest';
import { Challenge } from './challenge.js';

const MINUTE_MS = 60_000;

describe('a challenge', () => {
  let nowMs: number;
  let challenge: Challenge;
  beforeEach(() => {
    nowMs = 5_000;
    challenge = new Challenge(() => nowMs);
  });

  it('is answered by its nonce, once', () => {
    const nonce = challenge.next();
    expect([undefined, '', 'another'].map((one) => challenge.isAnsweredBy(one))).toEqual([false, false, false]);
    expect([challenge.isAnsweredBy(nonce), challenge.isAnsweredBy(nonce)]).toEqual([true, false]);
  });

  it('is over with the next one', () => {
    const [first, second] = [challenge.next(), challenge.next()];
    expect(first).not.toBe(second);
    expect([challenge.isAnsweredBy(first), challenge.isAnsweredBy(second)]).toEqual([false, true]);
  });

  it('is not answered by what somebody held back', () => {
    const nonce = challenge.next();
    nowMs += 2 * MINUTE_MS + 1;
    expect(challenge.isAnsweredBy(nonce)).toBe(false);
  });

  it('wants an answer at first, each hour, and where time is the trouble; each minute at most', () => {
    expect([challenge.wantsAnswer(false), challenge.wantsAnswer(true)]).toEqual([true, false]);
    nowMs += MINUTE_MS;
    expect(challenge.wantsAnswer(false)).toBe(true);
    challenge.isAnsweredBy(challenge.next());
    nowMs += MINUTE_MS;
    expect([challenge.wantsAnswer(false), challenge.wantsAnswer(true), challenge.wantsAnswer(true)]).toEqual([
      false,
      true,
      false,
    ]);
    nowMs += 60 * MINUTE_MS;
    expect(challenge.wantsAnswer(false)).toBe(true);
  });
});
