import { describe, expect, it } from 'vitest';
import { SocketGap } from './socket-gap.js';

describe('SocketGap', () => {
  it('lasts from the end of the process before to the last of the first sockets', () => {
    const gap = new SocketGap(10_000);
    gap.opened(12_000);
    gap.opened(12_100);
    expect(gap.interval).toBeUndefined();
    gap.carriedOut();
    expect(gap.interval).toEqual({ fromMs: 9_950, toMs: 12_100 });
  });

  it('is over then: an interface that comes later was not there before', () => {
    const gap = new SocketGap(10_000);
    gap.opened(12_000);
    gap.carriedOut();
    gap.opened(99_000);
    gap.carriedOut();
    expect(gap.interval?.toMs).toBe(12_000);
  });

  it('goes on while nothing is desired', () => {
    const gap = new SocketGap(10_000);
    gap.carriedOut();
    gap.opened(15_000);
    gap.carriedOut();
    expect(gap.interval?.toMs).toBe(15_000);
  });

  it.each([
    ['where the sockets lived on', 10_000, 8_000],
    ['for the first process that there was', undefined, 8_000],
  ])('is none %s', (_, aliveAtMs, openedAtMs) => {
    const gap = new SocketGap(aliveAtMs);
    gap.opened(openedAtMs);
    gap.carriedOut();
    expect(gap.interval).toBeUndefined();
  });
});
