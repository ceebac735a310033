import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { all, CaptureSessionRig, device } from './testing/capture-session-rig.js';

describe('a capture session', () => {
  let rig: CaptureSessionRig;
  beforeEach(() => {
    rig = new CaptureSessionRig();
  });
  afterEach(() => rig.close());

  it('counts nothing as taken that has not rig.passed, whatever the kernel told the process before', () => {
    rig.open(1, [1]);
    rig.comes(1, [
      [1, 10],
      [1, 11],
    ]);
    rig.passed.set(1, 0);
    rig.read();
    expect(rig.session.kernelTotals()).toEqual({ passed: 2, dropped: 0 });
    // Or was too late to tell it.
    rig.passed.set(1, 5);
    rig.session.carryOut({ kind: 'draining', socket: 1 });
    rig.nowMs = 100;
    rig.read();
    expect(rig.session.kernelTotals()).toEqual({ passed: 2, dropped: 0 });
  });

  it('counts on what a socket had that has ended', () => {
    rig.open(1, [1]);
    rig.dropped = 1;
    rig.comes(1, [
      [1, 30],
      [1, 31],
    ]);
    rig.read();
    rig.session.carryOut({ kind: 'draining', socket: 1 });
    rig.nowMs = 100;
    rig.read();
    expect(rig.news.at(-1)).toEqual({ kind: 'drained', socket: 1 });
    rig.dropped = 0;
    rig.open(2, [1]);
    rig.session.carryOut({ kind: 'counters', id: 5 });
    expect(rig.news.at(-1)).toMatchObject({
      counters: { taken: 2, sockets: [{ taken: 0 }], ended: { sockets: 1, passed: 3, dropped: 1, taken: 2 } },
    });
    expect(rig.session.kernelTotals()).toEqual({ passed: 3, dropped: 1 });
    rig.stop();
    expect(rig.news.at(-1)).toMatchObject({ kind: 'stopped', counters: { taken: 2, ended: { taken: 2 } } });
  });

  it('reads nothing while the agent pauses all filters, and all there is afterwards', () => {
    rig.open(1, [1]);
    rig.comes(1, [[1, 10]]);
    rig.session.carryOut({ kind: 'throttle', step: 'paused' });
    expect([rig.turn(), rig.session.kernelTotals()]).toEqual([false, { passed: 1, dropped: 0 }]);
    rig.session.carryOut({ kind: 'throttle', step: 'headers' });
    expect(rig.turn()).toBe(true);
    rig.stop();
    expect(rig.stored).toEqual(['eth1 10']);
  });

  it('stops within seconds though a ring fills as fast as it is read', () => {
    rig.open(1, [1]);
    rig.open(2, [2]);
    rig.comes(2, [[2, 20]]);
    rig.floods(1);
    rig.stop();
    expect(rig.nowMs).toBeLessThan(3000);
    expect(rig.news.at(-1)).toMatchObject({ kind: 'stopped' });
    expect(rig.stored).toContain('eth2 20');
  });

  it('reads all there is only once it was told of all sockets that there were', () => {
    rig.open(1, [1]);
    expect(rig.session.readsAll).toBe(false);
    rig.session.carryOut({ kind: 'settings', flushWindowMs: 200 });
    expect(rig.session.readsAll).toBe(true);
  });

  it('reads all there is some time after the first of them too, where no state is carried out', () => {
    rig.nowMs = 60_000;
    expect(rig.session.readsAll).toBe(false);
    rig.open(1, [1]);
    rig.nowMs += 4000;
    expect(rig.session.readsAll).toBe(false);
    rig.nowMs += 1000;
    expect(rig.session.readsAll).toBe(true);
  });

  it('takes up an interface at once and lets go of one at the cut', () => {
    rig.open(1, [1, 2]);
    const swap = { id: 1, branches: [{ interfaces: [device(2), device(3)], members: [all] }] };
    rig.session.carryOut({ kind: 'swap', socket: 1, swap });
    rig.comes(1, [
      [1, 20],
      [2, 21],
      [3, 22],
    ]);
    rig.read();
    rig.nowMs = 100;
    rig.read();
    expect(rig.news).toEqual([{ kind: 'cut', socket: 1, swap: 1 }]);
    rig.comes(1, [
      [1, 23],
      [2, 24],
      [3, 25],
    ]);
    rig.read();
    rig.session.carryOut({ kind: 'counters', id: 5 });
    expect(rig.news.at(-1)).toMatchObject({
      counters: { taken: 6, sockets: [{ interfaces: ['eth2', 'eth3'], taken: 6 }] },
    });
    rig.stop();
    expect(rig.stored).toEqual(['eth1 20', 'eth2 21', 'eth3 22', 'eth2 24', 'eth3 25']);
  });

  it('takes an interface whose link type is another for another one: at once, whatever its filters', () => {
    rig.open(1, [1, 2]);
    rig.comes(1, [[2, 20]]);
    rig.read();
    const raw = { ...all, program: { ...all.program, linkType: 'RAW' } };
    const branches = [
      { interfaces: [device(1)], members: [all] },
      { interfaces: [{ ...device(2), linkType: 'RAW' }], members: [raw] },
    ];
    rig.session.carryOut({ kind: 'swap', socket: 1, swap: { id: 1, branches } });
    rig.comes(1, [[2, 21]]);
    rig.read();
    rig.nowMs = 100;
    rig.read();
    rig.comes(1, [
      [1, 22],
      [2, 23],
    ]);
    rig.read();
    rig.stop();
    expect(rig.stored).toEqual(['eth2 20', 'eth2 21 RAW', 'eth1 22', 'eth2 23 RAW']);
  });
});
