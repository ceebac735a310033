import { FakeRing, WakeUp } from '@bpfleet/linux';
import { forEachPacket, readSection, SectionWriter } from '@bpfleet/section';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CaptureSocket } from '../../border/opener-port.js';
import { ALWAYS } from '../attribution/attribution.js';
import { memberOf } from '../attribution/testing/member.js';
import { noProgress } from '../sections/open-section.js';
import { SECTION_CAPACITY_BYTES, SectionAssembler } from '../sections/section-assembler.js';
import type { CaptureNews } from './capture-messages.js';
import { CaptureSession } from './capture-session.js';
import { KeptTimes, MOST_KEPT } from './kept-times.js';
import { RingReader } from './ring-reader.js';

const device = (index: number) => ({ name: `eth${index}`, index, linkType: 'EN10MB', cooked: false });
const all = memberOf('all', '');
/** Later than a take-over that began at 0 is over. */
const TAKEN_OVER_MS = 1000;

describe('a capture session', () => {
  const rings = new Map<number, FakeRing>();
  const news: CaptureNews[] = [];
  /** What the kernel counts: packets in the ring, of each socket, and those that found no room there. */
  const passed = new Map<number, number>();
  let dropped: number;
  let stored: string[];
  let wakeUp: WakeUp;
  let nowMs: number;
  let reader: RingReader;
  let session: CaptureSession;
  let assembler: SectionAssembler;
  /** As a process after this one finds it. */
  let times: ArrayBuffer;
  beforeEach(() => {
    stored = [];
    nowMs = 0;
    times = new ArrayBuffer(KeptTimes.sizeBytes);
    wakeUp = WakeUp.create();
    begin();
  });
  afterEach(() => wakeUp.close());

  function begin(): void {
    rings.clear();
    news.length = 0;
    passed.clear();
    dropped = 0;
    const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
    const writer = new SectionWriter({ ...origin, capacityBytes: SECTION_CAPACITY_BYTES });
    const totals = () => ({ kernelPassed: 0, kernelDropped: 0, taken: 0 });
    assembler = new SectionAssembler(writer, { write: ({ bytes }) => keep(bytes) }, totals, noProgress);
    reader = new RingReader(assembler, wakeUp, () => nowMs);
    const open = ({ id }: CaptureSocket) => ({
      ...{ fd: wakeUp.fd, ring: rings.get(id)!, takeError: () => undefined, close: () => {} },
      statistics: () => ({ passed: (passed.get(id) ?? 0) + dropped, dropped }),
    });
    session = new CaptureSession(
      reader,
      assembler,
      open,
      (one) => news.push(one),
      () => nowMs,
      new KeptTimes(times),
      () => 1_000_000 + nowMs,
    );
  }
  /** What was read is in sections; the process after it gets rings of what was not. */
  function kill(): void {
    assembler.close();
    begin();
  }

  /** `eth1 7`: the interface and the first byte of each packet. */
  function keep(bytes: Uint8Array): void {
    const { interfaces } = readSection(bytes);
    forEachPacket(bytes, ({ interfaceId, start }) => {
      stored.push(`${interfaces[interfaceId]!.name} ${bytes[start]}`);
      return true;
    });
  }
  function open(id: number, indexes: readonly number[], more: Partial<CaptureSocket> = {}): void {
    rings.set(id, new FakeRing({ blockBytes: 1 << 16, blockCount: 8 }));
    const socket: CaptureSocket = {
      ...{ id, isShared: indexes.length > 1, branches: [{ interfaces: indexes.map(device), members: [all] }] },
      ...{ ring: { blockBytes: 1 << 16, blockCount: 8, skipOutgoing: false }, isOwnSocket: false, wasRead: false },
      ...{ openedAtMs: 0, ...more },
    };
    session.carryOut({ kind: 'socket', socket, fd: 0, resume: undefined });
  }
  /** Packets that the ring has, each on an interface and with a number, captured at that moment. */
  function comes(id: number, packets: readonly (readonly [index: number, number: number])[], atMs = nowMs): void {
    passed.set(id, (passed.get(id) ?? 0) + packets.length);
    const [seconds, nanoseconds] = [1000 + Math.floor(atMs / 1000), (atMs % 1000) * 1e6];
    rings.get(id)!.push(
      packets.map(([interfaceIndex, number]) => ({
        ...{ bytes: new Uint8Array(60).fill(number), interfaceIndex, seconds, nanoseconds },
      })),
    );
  }
  const read = () => {
    for (const lane of reader.lanes.values()) reader.drain(lane);
  };
  const stop = () => session.carryOut({ kind: 'stop', id: 1 });

  it('stores what two sockets have during a take-over once, and at once what only the new one has', () => {
    open(1, [1]);
    open(2, [1, 2], { takesOver: [1] });
    comes(1, [[1, 10]]);
    comes(2, [
      [1, 10],
      [2, 11],
    ]);
    read();
    nowMs = TAKEN_OVER_MS;
    comes(1, [[1, 12]]);
    comes(2, [
      [1, 12],
      [2, 13],
    ]);
    read();
    expect(news).toContainEqual({ kind: 'cut', socket: 2, swap: 0 });
    stop();
    expect(stored).toEqual(['eth1 10', 'eth2 11', 'eth1 12', 'eth2 13']);
  });

  it('stores once what both rings have, stamped before the cut, that the host was late to deliver', () => {
    open(1, [1]);
    open(2, [1], { takesOver: [1] });
    comes(2, [[1, 11]], 70);
    nowMs = 200;
    read();
    for (const id of [1, 2]) comes(id, [[1, 10]], 40);
    read();
    nowMs = TAKEN_OVER_MS;
    read();
    expect(news).toContainEqual({ kind: 'cut', socket: 2, swap: 0 });
    // After the word there is one socket, and the packet is its own whatever its stamp.
    comes(2, [[1, 12]], 45);
    read();
    stop();
    expect(stored).toEqual(['eth1 11', 'eth1 10', 'eth1 12']);
  });

  describe('of a process after one that was killed', () => {
    it('cuts where that one did, whatever of both rings it has read', () => {
      open(1, [1]);
      open(2, [1, 2], { takesOver: [1] });
      nowMs = 60;
      comes(2, [
        [1, 10],
        [2, 11],
      ]);
      read();
      kill();
      nowMs = 80;
      open(1, [1]);
      open(2, [1, 2], { takesOver: [1] });
      comes(1, [[1, 9]], 40);
      comes(1, [[1, 10]], 60);
      comes(1, [[1, 12]], 70);
      comes(2, [[1, 12]], 70);
      comes(2, [[2, 13]], 70);
      read();
      stop();
      expect(stored).toEqual(['eth1 10', 'eth2 11', 'eth1 9', 'eth1 12', 'eth2 13']);
    });

    it('lets no packet go that only the ring before has', () => {
      open(1, [1]);
      open(2, [1], { takesOver: [1] });
      nowMs = 60;
      comes(1, [[1, 10]]);
      read();
      kill();
      open(1, [1]);
      open(2, [1], { takesOver: [1] });
      comes(2, [[1, 10]]);
      read();
      stop();
      expect(stored).toEqual(['eth1 10']);
    });

    it('goes by the cut until the ring before was read to its end', () => {
      open(1, [1]);
      open(2, [1], { takesOver: [1] });
      nowMs = TAKEN_OVER_MS;
      comes(2, [[1, 10]], 60);
      read();
      expect(news).toContainEqual({ kind: 'cut', socket: 2, swap: 0 });
      kill();
      open(1, [1]);
      open(2, [1]);
      comes(1, [[1, 9]], 49);
      comes(1, [[1, 10]], 60);
      // What the host's clock was set back for is of the one that is left all the same.
      comes(2, [[1, 11]], 5);
      session.carryOut({ kind: 'draining', socket: 1 });
      nowMs = TAKEN_OVER_MS + 100;
      read();
      stop();
      expect(stored).toEqual(['eth1 10', 'eth1 9', 'eth1 11']);
      expect(new KeptTimes(times).of(1)).toEqual(ALWAYS);
    });

    it('cuts between three where two were cut before', () => {
      open(1, [1]);
      open(2, [1], { takesOver: [1] });
      nowMs = 60;
      comes(2, [[1, 10]]);
      read();
      kill();
      open(1, [1]);
      open(2, [1], { takesOver: [1] });
      open(3, [1], { takesOver: [2] });
      for (const id of [1, 2, 3]) {
        if (id === 1) comes(id, [[1, 10]], 60);
        comes(id, [[1, 11]], 80);
        comes(id, [[1, 12]], 200);
      }
      read();
      stop();
      expect(stored).toEqual(['eth1 10', 'eth1 11', 'eth1 12']);
    });

    it('does not go back behind a swap that was cut, whether or not the opener heard of it', () => {
      const swap = { id: 3, branches: [{ interfaces: [device(2)], members: [memberOf('next', '')] }] };
      open(1, [1, 2]);
      session.carryOut({ kind: 'swap', socket: 1, swap });
      nowMs = 100;
      read();
      expect(news).toEqual([{ kind: 'cut', socket: 1, swap: 3 }]);
      kill();
      open(1, [1, 2], { swap });
      expect(news).toEqual([{ kind: 'cut', socket: 1, swap: 3 }]);
      comes(1, [
        [1, 10],
        [2, 11],
      ]);
      read();
      session.carryOut({ kind: 'counters', id: 5 });
      const { counters } = news.at(-1) as Extract<CaptureNews, { kind: 'counters' }>;
      expect(counters.versions.filter(({ matched }) => matched > 0)).toMatchObject([
        { version: 'next@1', interface: 'eth2', matched: 1 },
      ]);
      stop();
      expect(stored).toEqual(['eth2 11']);
    });

    it('looks for the cut of a swap that none has cut', () => {
      const swap = { id: 3, branches: [{ interfaces: [device(2)], members: [all] }] };
      open(1, [1, 2]);
      session.carryOut({ kind: 'swap', socket: 1, swap: { ...swap, id: 2 } });
      nowMs = 100;
      read();
      kill();
      open(1, [1, 2], { swap });
      comes(1, [[1, 10]]);
      expect(news).toEqual([]);
      read();
      nowMs = 200;
      read();
      expect(news).toEqual([{ kind: 'cut', socket: 1, swap: 3 }]);
      stop();
      expect(stored).toEqual(['eth1 10']);
    });

    it('says of which sockets no cut is kept for it, where there are too many', () => {
      const others = new KeptTimes(times);
      for (let socket = 1; socket <= MOST_KEPT; socket++) others.keepCut(10 + socket, 1);
      kill();
      open(1, [1]);
      open(2, [1], { takesOver: [1] });
      expect(news).toEqual([1, 2].map((socket) => ({ kind: 'unkept', socket })));
      session.carryOut({ kind: 'settings', flushWindowMs: 200 });
      open(3, [1]);
      session.carryOut({
        kind: 'swap',
        socket: 3,
        swap: { id: 1, branches: [{ interfaces: [device(1)], members: [all] }] },
      });
      nowMs = 100;
      read();
      expect(news.slice(2)).toEqual([{ kind: 'cut', socket: 3, swap: 1 }]);
    });

    it('forgets the cuts of sockets that have ended', () => {
      open(1, [1]);
      open(2, [1], { takesOver: [1] });
      kill();
      open(5, [1]);
      session.carryOut({ kind: 'settings', flushWindowMs: 200 });
      expect([1, 2].map((id) => new KeptTimes(times).of(id))).toEqual([ALWAYS, ALWAYS]);
    });
  });

  it('stores what only one socket has that takes over, also when another takes over from it at once', () => {
    open(1, [1]);
    open(2, [1, 2], { takesOver: [1] });
    open(3, [1, 2], { takesOver: [2] });
    for (const id of [1, 2, 3])
      comes(
        id,
        id === 1
          ? [[1, 10]]
          : [
              [1, 10],
              [2, 11],
            ],
      );
    read();
    stop();
    expect(stored).toEqual(['eth1 10', 'eth2 11']);
  });

  it('counts packets of two sockets where they are taken, and none twice', () => {
    const counted = () => {
      session.carryOut({ kind: 'counters', id: 5 });
      const last = news.at(-1) as Extract<CaptureNews, { kind: 'counters' }>;
      return last.counters;
    };
    open(1, [1]);
    comes(1, [[1, 10]]);
    read();
    open(2, [1], { takesOver: [1] });
    for (const id of [1, 2]) {
      comes(id, [[1, 11]], 20);
      comes(id, [[1, 12]], 60);
      comes(id, [[1, 13]], 70);
    }
    // Nobody knows yet of which of the two they are.
    expect(counted().sockets.map(({ passed: one, taken }) => [one, taken])).toEqual([
      [1, 1],
      [0, 0],
    ]);
    read();
    expect(counted()).toMatchObject({
      taken: 4,
      sockets: [
        { passed: 2, taken: 2 },
        { passed: 2, taken: 2 },
      ],
    });
    nowMs = TAKEN_OVER_MS;
    read();
    comes(2, [[1, 14]]);
    session.carryOut({ kind: 'draining', socket: 1 });
    expect(counted()).toMatchObject({ taken: 4, sockets: [{ passed: 2 }, { passed: 3, taken: 2 }] });
    nowMs = TAKEN_OVER_MS + 100;
    read();
    expect(counted()).toMatchObject({
      taken: 5,
      sockets: [{ socket: 2, passed: 3, taken: 3 }],
      ended: { sockets: 1, passed: 2, taken: 2 },
    });
    stop();
    expect(stored).toHaveLength(5);
  });

  it('counts nothing as taken that has not passed, whatever the kernel told the process before', () => {
    open(1, [1]);
    comes(1, [
      [1, 10],
      [1, 11],
    ]);
    passed.set(1, 0);
    read();
    expect(session.kernelTotals()).toEqual({ passed: 2, dropped: 0 });
    // Or was too late to tell it.
    passed.set(1, 5);
    session.carryOut({ kind: 'draining', socket: 1 });
    nowMs = 100;
    read();
    expect(session.kernelTotals()).toEqual({ passed: 2, dropped: 0 });
  });

  it('counts on what a socket had that has ended', () => {
    open(1, [1]);
    dropped = 1;
    comes(1, [
      [1, 30],
      [1, 31],
    ]);
    read();
    session.carryOut({ kind: 'draining', socket: 1 });
    nowMs = 100;
    read();
    expect(news.at(-1)).toEqual({ kind: 'drained', socket: 1 });
    dropped = 0;
    open(2, [1]);
    session.carryOut({ kind: 'counters', id: 5 });
    expect(news.at(-1)).toMatchObject({
      counters: { taken: 2, sockets: [{ taken: 0 }], ended: { sockets: 1, passed: 3, dropped: 1, taken: 2 } },
    });
    expect(session.kernelTotals()).toEqual({ passed: 3, dropped: 1 });
    stop();
    expect(news.at(-1)).toMatchObject({ kind: 'stopped', counters: { taken: 2, ended: { taken: 2 } } });
  });

  it('reads all there is only once it was told of all sockets that there were', () => {
    open(1, [1]);
    expect(session.readsAll).toBe(false);
    session.carryOut({ kind: 'settings', flushWindowMs: 200 });
    expect(session.readsAll).toBe(true);
  });

  it('reads all there is some time after the first of them too, where no state is carried out', () => {
    nowMs = 60_000;
    expect(session.readsAll).toBe(false);
    open(1, [1]);
    nowMs += 4000;
    expect(session.readsAll).toBe(false);
    nowMs += 1000;
    expect(session.readsAll).toBe(true);
  });

  it('takes up an interface at once and lets go of one at the cut', () => {
    open(1, [1, 2]);
    const swap = { id: 1, branches: [{ interfaces: [device(2), device(3)], members: [all] }] };
    session.carryOut({ kind: 'swap', socket: 1, swap });
    comes(1, [
      [1, 20],
      [2, 21],
      [3, 22],
    ]);
    read();
    nowMs = 100;
    read();
    expect(news).toEqual([{ kind: 'cut', socket: 1, swap: 1 }]);
    comes(1, [
      [1, 23],
      [2, 24],
      [3, 25],
    ]);
    read();
    session.carryOut({ kind: 'counters', id: 5 });
    expect(news.at(-1)).toMatchObject({
      counters: { taken: 6, sockets: [{ interfaces: ['eth2', 'eth3'], taken: 6 }] },
    });
    stop();
    expect(stored).toEqual(['eth1 20', 'eth2 21', 'eth3 22', 'eth2 24', 'eth3 25']);
  });
});
