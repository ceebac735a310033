import { FakeRing } from '@bpfleet/linux';
import { describe, expect, it } from 'vitest';
import { Attribution } from '../attribution/attribution.js';
import { MemberLedger } from '../attribution/member-ledger.js';
import type { RingPosition } from '../sections/open-section.js';
import { RingLane } from './ring-lane.js';

const BLOCKS = 4;
const device = { name: 'eth0', index: 1, linkType: 'EN10MB', cooked: false };
const frame = (mark: number) => ({ bytes: Uint8Array.of(mark) });

function laneOn(ring: FakeRing, resume?: RingPosition): RingLane {
  const socket = {
    fd: 0,
    ring,
    statistics: () => ({ passed: 0, dropped: 0 }),
    takeError: () => undefined,
    close: () => {},
  };
  const lane = new RingLane({ id: 7, isShared: false, cooked: false, isOwnSocket: false }, socket, resume);
  lane.interfaces.put(device, new Attribution([], new MemberLedger().accountsOn('eth0')));
  return lane;
}

/** Reads all there is; what was read, and between which packets the changes were carried out. */
function read(ring: FakeRing, lane: RingLane, log: unknown[], nowMs: number): void {
  for (let block = ring.take(); block; block = ring.take()) {
    lane.begin(block);
    while (block.next()) {
      log.push(block.bytes[block.start]);
      lane.interfaces.only.passed();
    }
  }
  lane.drained(nowMs);
}

describe('a cut', () => {
  it('lies before the open block while that is empty, after the time of grace', () => {
    const ring = new FakeRing({ blockBytes: 1 << 16, blockCount: BLOCKS });
    const lane = laneOn(ring);
    const log: unknown[] = [];
    ring.push([frame(1)]);
    lane.atNextCut(1000, () => log.push('cut'));
    read(ring, lane, log, 1000);
    expect([log, lane.isChanging]).toEqual([[1], true]);
    read(ring, lane, log, 1050);
    expect([log, lane.isChanging]).toEqual([[1, 'cut'], false]);
  });

  it('lies behind the open block when that has packets', () => {
    const ring = new FakeRing({ blockBytes: 1 << 16, blockCount: BLOCKS });
    const lane = laneOn(ring);
    const log: unknown[] = [];
    lane.atNextCut(0, () => log.push('cut'));
    ring.pending([frame(1)]);
    read(ring, lane, log, 100);
    expect(log).toEqual([]);
    ring.push([frame(1), frame(2)]);
    ring.push([frame(3)]);
    read(ring, lane, log, 200);
    expect(log).toEqual([1, 2, 'cut', 3]);
  });

  it('is found for each change by itself, in order', () => {
    const ring = new FakeRing({ blockBytes: 1 << 16, blockCount: BLOCKS });
    const lane = laneOn(ring);
    const log: unknown[] = [];
    lane.atNextCut(0, () => log.push('first'));
    lane.atNextCut(100, () => log.push('second'));
    read(ring, lane, log, 60);
    expect(log).toEqual(['first']);
    read(ring, lane, log, 149);
    expect(log).toEqual(['first']);
    read(ring, lane, log, 150);
    expect(log).toEqual(['first', 'second']);
  });
});

describe('a lane of several interfaces', () => {
  const { interfaces } = (() => {
    const socket = {
      ...{ fd: 0, ring: new FakeRing(), takeError: () => undefined, close: () => {} },
      statistics: () => ({ passed: 9, dropped: 4 }),
    };
    return new RingLane({ id: 7, isShared: true, cooked: false, isOwnSocket: false }, socket);
  })();
  const attribution = () => new Attribution([], new MemberLedger().accountsOn('any'));
  const named = (name: string, index: number) => ({ ...device, name, index });

  it('gives each packet to the interface that it tells, and others to none', () => {
    for (const [name, index] of [
      ['e1', 1],
      ['e2', 2],
    ] as const)
      interfaces.put(named(name, index), attribution());
    expect([2, 1, 1, 3, 2, 0].map((index) => interfaces.of(index).device.name)).toEqual([
      ...['e2', 'e1', 'e1', 'none', 'e2', 'none'],
    ]);
  });

  it('takes over what another had from a time on, and what comes later always; all ends at one time', () => {
    const timesOf = () => [1, 2, 3].map((index) => interfaces.of(index).attribution.times);
    interfaces.takeOver(5, [named('e1', 1)]);
    interfaces.put(named('e3', 3), attribution());
    expect(timesOf()).toEqual([{ fromMs: 5, untilMs: Number.POSITIVE_INFINITY }, undefined, undefined]);
    interfaces.end(6);
    const ends = { fromMs: 0, untilMs: 6 };
    expect(timesOf()).toEqual([{ fromMs: 5, untilMs: 6 }, ends, ends]);
    interfaces.hasTakenOver();
    expect(timesOf()).toEqual([ends, ends, ends]);
  });

  it('knows one with another name for another, and forgets none of what it read', () => {
    interfaces.of(2).passed();
    interfaces.of(99).passed();
    interfaces.put(named('new', 2), attribution());
    expect([interfaces.find(named('e2', 2)), interfaces.of(2).taken, interfaces.taken]).toEqual([undefined, 0, 2]);
    interfaces.remove(interfaces.of(1));
    expect([interfaces.of(1).device.name, interfaces.all.map((lane) => lane.device.name)]).toEqual([
      ...['none', ['e3', 'new']],
    ]);
  });

  it('has no counters of the kernel for each', () => {
    expect(interfaces.of(3).statistics()).toBeUndefined();
  });
});

describe('a lane that goes on where another stopped', () => {
  it('skips what is in sections already, and nothing else', () => {
    const ring = new FakeRing({ blockBytes: 1 << 16, blockCount: BLOCKS });
    ring.push([frame(1), frame(2)]);
    ring.push([frame(3), frame(4), frame(5)]);
    ring.push([frame(6)]);
    const lane = laneOn(ring, { socket: 7, blockSequence: 2, packets: 2 });
    const log: unknown[] = [];
    read(ring, lane, log, 0);
    expect(log).toEqual([5, 6]);
    expect([lane.place.blockSequence, lane.place.packets]).toEqual([3, 1]);
  });

  it('counts the skipped ones as dealt with in its position', () => {
    const ring = new FakeRing({ blockBytes: 1 << 16, blockCount: BLOCKS });
    ring.push([frame(1), frame(2), frame(3)]);
    const lane = laneOn(ring, { socket: 7, blockSequence: 1, packets: 2 });
    read(ring, lane, [], 0);
    expect([lane.place.packets, lane.interfaces.taken]).toEqual([3, 1]);
  });
});
