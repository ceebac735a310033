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
});
