import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CaptureNews } from './capture-messages.js';
import { CaptureSessionRig, TAKEN_OVER_MS } from './testing/capture-session-rig.js';

describe('a capture session, while a socket takes over from another', () => {
  let rig: CaptureSessionRig;
  beforeEach(() => {
    rig = new CaptureSessionRig();
  });
  afterEach(() => rig.close());

  it('stores what two sockets have during a take-over once, and at once what only the new one has', () => {
    rig.open(1, [1]);
    rig.open(2, [1, 2], { takesOver: [1] });
    rig.comes(1, [[1, 10]]);
    rig.comes(2, [
      [1, 10],
      [2, 11],
    ]);
    rig.read();
    rig.nowMs = TAKEN_OVER_MS;
    rig.comes(1, [[1, 12]]);
    rig.comes(2, [
      [1, 12],
      [2, 13],
    ]);
    rig.read();
    expect(rig.news).toContainEqual({ kind: 'cut', socket: 2, swap: 0 });
    rig.stop();
    expect(rig.stored).toEqual(['eth1 10', 'eth2 11', 'eth1 12', 'eth2 13']);
  });

  it('stores once what both rings have, stamped before the cut, that the host was late to deliver', () => {
    rig.open(1, [1]);
    rig.open(2, [1], { takesOver: [1] });
    rig.comes(2, [[1, 11]], 70);
    rig.nowMs = 200;
    rig.read();
    for (const id of [1, 2]) rig.comes(id, [[1, 10]], 40);
    rig.read();
    rig.nowMs = TAKEN_OVER_MS;
    rig.read();
    expect(rig.news).toContainEqual({ kind: 'cut', socket: 2, swap: 0 });
    // After the word there is one socket, and the packet is its own whatever its stamp.
    rig.comes(2, [[1, 12]], 45);
    rig.read();
    rig.stop();
    expect(rig.stored).toEqual(['eth1 11', 'eth1 10', 'eth1 12']);
  });

  it('stores what only one socket has that takes over, also when another takes over from it at once', () => {
    rig.open(1, [1]);
    rig.open(2, [1, 2], { takesOver: [1] });
    rig.open(3, [1, 2], { takesOver: [2] });
    for (const id of [1, 2, 3])
      rig.comes(
        id,
        id === 1
          ? [[1, 10]]
          : [
              [1, 10],
              [2, 11],
            ],
      );
    rig.read();
    rig.stop();
    expect(rig.stored).toEqual(['eth1 10', 'eth2 11']);
  });

  it('counts packets of two sockets where they are taken, and none twice', () => {
    const counted = () => {
      rig.session.carryOut({ kind: 'counters', id: 5 });
      const last = rig.news.at(-1) as Extract<CaptureNews, { kind: 'counters' }>;
      return last.counters;
    };
    rig.open(1, [1]);
    rig.comes(1, [[1, 10]]);
    rig.read();
    rig.open(2, [1], { takesOver: [1] });
    for (const id of [1, 2]) {
      rig.comes(id, [[1, 11]], 20);
      rig.comes(id, [[1, 12]], 60);
      rig.comes(id, [[1, 13]], 70);
    }
    // Nobody knows yet of which of the two they are.
    expect(counted().sockets.map(({ passed: one, taken }) => [one, taken])).toEqual([
      [1, 1],
      [0, 0],
    ]);
    rig.read();
    expect(counted()).toMatchObject({
      taken: 4,
      sockets: [
        { passed: 2, taken: 2 },
        { passed: 2, taken: 2 },
      ],
    });
    rig.nowMs = TAKEN_OVER_MS;
    rig.read();
    rig.comes(2, [[1, 14]]);
    rig.session.carryOut({ kind: 'draining', socket: 1 });
    expect(counted()).toMatchObject({ taken: 4, sockets: [{ passed: 2 }, { passed: 3, taken: 2 }] });
    rig.nowMs = TAKEN_OVER_MS + 100;
    rig.read();
    expect(counted()).toMatchObject({
      taken: 5,
      sockets: [{ socket: 2, passed: 3, taken: 3 }],
      ended: { sockets: 1, passed: 2, taken: 2 },
    });
    rig.stop();
    expect(rig.stored).toHaveLength(5);
  });
});
