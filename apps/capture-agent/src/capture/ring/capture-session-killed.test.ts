import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ALWAYS } from '../attribution/attribution.js';
import { memberOf } from '../attribution/testing/member.js';
import type { CaptureNews } from './capture-messages.js';
import { KeptTimes, MOST_KEPT } from './kept-times.js';
import { all, CaptureSessionRig, device, TAKEN_OVER_MS } from './testing/capture-session-rig.js';

describe('a capture session of a process after one that was killed', () => {
  let rig: CaptureSessionRig;
  beforeEach(() => {
    rig = new CaptureSessionRig();
  });
  afterEach(() => rig.close());

  it('cuts where that one did, whatever of both rings it has read', () => {
    rig.open(1, [1]);
    rig.open(2, [1, 2], { takesOver: [1] });
    rig.nowMs = 60;
    rig.comes(2, [
      [1, 10],
      [2, 11],
    ]);
    rig.read();
    rig.kill();
    rig.nowMs = 80;
    rig.open(1, [1]);
    rig.open(2, [1, 2], { takesOver: [1] });
    rig.comes(1, [[1, 9]], 40);
    rig.comes(1, [[1, 10]], 60);
    rig.comes(1, [[1, 12]], 70);
    rig.comes(2, [[1, 12]], 70);
    rig.comes(2, [[2, 13]], 70);
    rig.read();
    rig.stop();
    expect(rig.stored).toEqual(['eth1 10', 'eth2 11', 'eth1 9', 'eth1 12', 'eth2 13']);
  });

  it('lets no packet go that only the ring before has', () => {
    rig.open(1, [1]);
    rig.open(2, [1], { takesOver: [1] });
    rig.nowMs = 60;
    rig.comes(1, [[1, 10]]);
    rig.read();
    rig.kill();
    rig.open(1, [1]);
    rig.open(2, [1], { takesOver: [1] });
    rig.comes(2, [[1, 10]]);
    rig.read();
    rig.stop();
    expect(rig.stored).toEqual(['eth1 10']);
  });

  it('goes by the cut until the ring before was read to its end', () => {
    rig.open(1, [1]);
    rig.open(2, [1], { takesOver: [1] });
    rig.nowMs = TAKEN_OVER_MS;
    rig.comes(2, [[1, 10]], 60);
    rig.read();
    expect(rig.news).toContainEqual({ kind: 'cut', socket: 2, swap: 0 });
    rig.kill();
    rig.open(1, [1]);
    rig.open(2, [1]);
    rig.comes(1, [[1, 9]], 49);
    rig.comes(1, [[1, 10]], 60);
    // What the host's clock was set back for is of the one that is left all the same.
    rig.comes(2, [[1, 11]], 5);
    rig.session.carryOut({ kind: 'draining', socket: 1 });
    rig.nowMs = TAKEN_OVER_MS + 100;
    rig.read();
    rig.stop();
    expect(rig.stored).toEqual(['eth1 10', 'eth1 9', 'eth1 11']);
    expect(new KeptTimes(rig.times).of(1)).toEqual(ALWAYS);
  });

  it('cuts between three where two were cut before', () => {
    rig.open(1, [1]);
    rig.open(2, [1], { takesOver: [1] });
    rig.nowMs = 60;
    rig.comes(2, [[1, 10]]);
    rig.read();
    rig.kill();
    rig.open(1, [1]);
    rig.open(2, [1], { takesOver: [1] });
    rig.open(3, [1], { takesOver: [2] });
    for (const id of [1, 2, 3]) {
      if (id === 1) rig.comes(id, [[1, 10]], 60);
      rig.comes(id, [[1, 11]], 80);
      rig.comes(id, [[1, 12]], 200);
    }
    rig.read();
    rig.stop();
    expect(rig.stored).toEqual(['eth1 10', 'eth1 11', 'eth1 12']);
  });

  it('does not go back behind a swap that was cut, whether or not the opener heard of it', () => {
    const swap = { id: 3, branches: [{ interfaces: [device(2)], members: [memberOf('next', '')] }] };
    rig.open(1, [1, 2]);
    rig.session.carryOut({ kind: 'swap', socket: 1, swap });
    rig.nowMs = 100;
    rig.read();
    expect(rig.news).toEqual([{ kind: 'cut', socket: 1, swap: 3 }]);
    rig.kill();
    rig.open(1, [1, 2], { swap });
    expect(rig.news).toEqual([{ kind: 'cut', socket: 1, swap: 3 }]);
    rig.comes(1, [
      [1, 10],
      [2, 11],
    ]);
    rig.read();
    rig.session.carryOut({ kind: 'counters', id: 5 });
    const { counters } = rig.news.at(-1) as Extract<CaptureNews, { kind: 'counters' }>;
    expect(counters.versions.filter(({ matched }) => matched > 0)).toMatchObject([
      { version: 'next@1', interface: 'eth2', matched: 1 },
    ]);
    rig.stop();
    expect(rig.stored).toEqual(['eth2 11']);
  });

  it('looks for the cut of a swap that none has cut', () => {
    const swap = { id: 3, branches: [{ interfaces: [device(2)], members: [all] }] };
    rig.open(1, [1, 2]);
    rig.session.carryOut({ kind: 'swap', socket: 1, swap: { ...swap, id: 2 } });
    rig.nowMs = 100;
    rig.read();
    rig.kill();
    rig.open(1, [1, 2], { swap });
    rig.comes(1, [[1, 10]]);
    expect(rig.news).toEqual([]);
    rig.read();
    rig.nowMs = 200;
    rig.read();
    expect(rig.news).toEqual([{ kind: 'cut', socket: 1, swap: 3 }]);
    rig.stop();
    expect(rig.stored).toEqual(['eth1 10']);
  });

  it('says of which sockets no cut is kept for it, where there are too many', () => {
    const others = new KeptTimes(rig.times);
    for (let socket = 1; socket <= MOST_KEPT; socket++) others.keepCut(10 + socket, 1);
    rig.kill();
    rig.open(1, [1]);
    rig.open(2, [1], { takesOver: [1] });
    expect(rig.news).toEqual([1, 2].map((socket) => ({ kind: 'unkept', socket })));
    rig.session.carryOut({ kind: 'settings', flushWindowMs: 200 });
    rig.open(3, [1]);
    rig.session.carryOut({
      kind: 'swap',
      socket: 3,
      swap: { id: 1, branches: [{ interfaces: [device(1)], members: [all] }] },
    });
    rig.nowMs = 100;
    rig.read();
    expect(rig.news.slice(2)).toEqual([{ kind: 'cut', socket: 3, swap: 1 }]);
  });

  it('forgets the cuts of sockets that have ended', () => {
    rig.open(1, [1]);
    rig.open(2, [1], { takesOver: [1] });
    rig.kill();
    rig.open(5, [1]);
    rig.session.carryOut({ kind: 'settings', flushWindowMs: 200 });
    expect([1, 2].map((id) => new KeptTimes(rig.times).of(id))).toEqual([ALWAYS, ALWAYS]);
  });
});
