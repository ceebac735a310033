import { describe, expect, it } from 'vitest';
import { ALWAYS } from '../attribution/attribution.js';
import { KeptTimes, MOST_KEPT } from './kept-times.js';

const memory = () => new ArrayBuffer(KeptTimes.sizeBytes);

describe('KeptTimes', () => {
  it('has what another had, of each socket', () => {
    const kept = memory();
    const before = new KeptTimes(kept);
    before.keep(7, { fromMs: 5.5, untilMs: Number.POSITIVE_INFINITY });
    before.keep(9, { fromMs: 0, untilMs: 6 });
    before.keep(7, { fromMs: 5.5, untilMs: 8 });
    const next = new KeptTimes(kept);
    expect(next.of(7)).toEqual({ fromMs: 5.5, untilMs: 8 });
    expect(next.of(9)).toEqual({ fromMs: 0, untilMs: 6 });
    expect(next.of(8)).toEqual(ALWAYS);
  });

  it('has room for other sockets when some have ended', () => {
    const kept = memory();
    const times = new KeptTimes(kept);
    const isKept = (socket: number) => times.keep(socket, { fromMs: socket, untilMs: Number.POSITIVE_INFINITY });
    for (let socket = 1; socket <= MOST_KEPT; socket++) isKept(socket);
    times.keep(5, ALWAYS);
    isKept(MOST_KEPT + 1);
    times.forgetAllBut(new Map([[MOST_KEPT + 1, 'runs']]));
    isKept(MOST_KEPT + 2);
    const next = new KeptTimes(kept);
    expect([1, 2].map((more) => next.of(MOST_KEPT + more).fromMs)).toEqual([MOST_KEPT + 1, MOST_KEPT + 2]);
    expect(next.of(7)).toEqual(ALWAYS);
  });

  it('has the swap that another cut last, also beside times that are over', () => {
    const kept = memory();
    const before = new KeptTimes(kept);
    before.keep(7, { fromMs: 5, untilMs: Number.POSITIVE_INFINITY });
    before.keepCut(7, 1);
    before.keepCut(7, 2);
    before.keep(7, ALWAYS);
    before.keepCut(9, 1);
    const next = new KeptTimes(kept);
    expect([next.isCut(7, 1), next.isCut(7, 2), next.isCut(9, 1), next.isCut(8, 1)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect([7, 9].map((socket) => next.of(socket))).toEqual([ALWAYS, ALWAYS]);
    next.forget(7);
    next.keep(11, { fromMs: 5, untilMs: 6 });
    expect(new KeptTimes(kept).isCut(11, 2)).toBe(false);
  });

  it('takes what was written when there was nothing of swaps', () => {
    const kept = memory();
    // Two rows of socket, from and until.
    new Float64Array(kept).set([7, 5, 8, 9, 0, 6]);
    const next = new KeptTimes(kept);
    expect([7, 9].map((socket) => next.of(socket))).toEqual([
      { fromMs: 5, untilMs: 8 },
      { fromMs: 0, untilMs: 6 },
    ]);
    expect([7, 9].map((socket) => next.isCut(socket, 1))).toEqual([false, false]);
  });

  it.each([
    ['a socket that is no number of one', [7.5, 5, 8]],
    ['a time that is none', [7, 5, Number.NaN]],
    ['a time that no Date has', [7, 1e16, Number.POSITIVE_INFINITY]],
    ['a time before all', [7, -5, 8]],
    ['a socket twice', [9, 5, 8]],
  ])('has room in place of %s', (_, row) => {
    const kept = memory();
    new Float64Array(kept).set([9, 0, 6, ...row]);
    const next = new KeptTimes(kept);
    expect(next.damagedBytes).toBe(24);
    expect([next.of(row[0]!), next.of(9)]).toEqual([row[0] === 9 ? next.of(9) : ALWAYS, { fromMs: 0, untilMs: 6 }]);
    expect(new KeptTimes(kept).damagedBytes).toBe(0);
  });

  it('says when it has no room', () => {
    const times = new KeptTimes(memory());
    const kept = Array.from({ length: MOST_KEPT + 2 }, (_, index) => times.keepCut(index + 1, 1));
    expect(kept.indexOf(false)).toBe(MOST_KEPT);
    expect(times.keep(MOST_KEPT + 2, { fromMs: 1, untilMs: 2 })).toBe(false);
  });
});
