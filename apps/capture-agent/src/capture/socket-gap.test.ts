import { describe, expect, it } from 'vitest';
import { SocketGap } from './socket-gap.js';

const fresh = (openedAtMs: number) => ({ openedAtMs, wasRead: false });

describe('SocketGap', () => {
  it('lasts from the end of the process before to the last of the first sockets', () => {
    const gap = new SocketGap(10_000);
    gap.found(fresh(12_000));
    gap.found(fresh(12_100));
    expect(gap.interval).toBeUndefined();
    gap.carriedOut();
    expect(gap.interval).toEqual({ fromMs: 9_950, toMs: 12_100 });
  });

  it('is over then: an interface that comes later was not there before', () => {
    const gap = new SocketGap(10_000);
    gap.found(fresh(12_000));
    gap.carriedOut();
    gap.found(fresh(99_000));
    gap.carriedOut();
    expect(gap.interval?.toMs).toBe(12_000);
  });

  it('goes on while nothing is desired', () => {
    const gap = new SocketGap(10_000);
    gap.carriedOut();
    gap.found(fresh(15_000));
    gap.carriedOut();
    expect(gap.interval?.toMs).toBe(15_000);
  });

  it('keeps both ends where the clock was set back meanwhile', () => {
    const gap = new SocketGap(10_000);
    gap.found(fresh(2_000));
    gap.carriedOut();
    expect(gap.interval).toEqual({ fromMs: 9_950, toMs: 2_000 });
  });

  it.each([
    ['where the sockets lived on, whatever the clock said', 10_000, { openedAtMs: 12_000, wasRead: true }],
    ['for the first process that there was', undefined, fresh(8_000)],
  ])('is none %s', (_, aliveAtMs, socket) => {
    const gap = new SocketGap(aliveAtMs);
    gap.found(socket);
    gap.carriedOut();
    expect(gap.interval).toBeUndefined();
  });

  it.each([
    [
      'the newest packet that is left',
      10_000,
      { fromMs: 9_950, toMs: 12_000 },
      /not known: the newest .* of 1970-01-01T00:00:10.000Z/,
    ],
    ['nothing', undefined, undefined, /not known: what came until 1970-01-01T00:00:12.000Z is in no count$/],
  ])('says where its begin is lost that it is not known, and goes by %s', (_, readAtMs, interval, text) => {
    const gap = new SocketGap(readAtMs, true);
    gap.found(fresh(12_000));
    expect(gap.lost).toBeUndefined();
    expect([gap.carriedOut(), gap.carriedOut()]).toEqual([true, false]);
    expect(gap.interval).toEqual(interval);
    expect(gap.lost).toMatch(text);
  });

  it('has lost nothing where the sockets lived on', () => {
    const gap = new SocketGap(undefined, true);
    gap.found({ openedAtMs: 12_000, wasRead: true });
    gap.carriedOut();
    expect(gap.lost).toBeUndefined();
  });
});
