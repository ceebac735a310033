import { FakeRing, WakeUp } from '@bpfleet/linux';
import { forEachPacket, SectionWriter } from '@bpfleet/section';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Attribution } from '../attribution/attribution.js';
import { MemberLedger } from '../attribution/member-ledger.js';
import { noProgress } from '../sections/open-section.js';
import { SECTION_CAPACITY_BYTES, SectionAssembler } from '../sections/section-assembler.js';
import { RingLane } from './ring-lane.js';
import { RingReader } from './ring-reader.js';
import { all, device } from './testing/capture-session-rig.js';
import { FloodedRing } from './testing/flooded-ring.js';

const FLOOD = 1;
const QUIET = 2;
/** A block of the flood is read in a millisecond, in which the next one comes. */
const BLOCK_MS = 1;

describe('a reader of rings', () => {
  let nowMs = 0;
  let stored: number[];
  let wakeUp: WakeUp;
  let reader: RingReader;
  let assembler: SectionAssembler;
  let flooded: FloodedRing;
  let quiet: FakeRing;

  const laneOf = (id: number, ring: FakeRing): RingLane => {
    const statistics = () => ({ passed: 0, dropped: 0 });
    const socket = { fd: wakeUp.fd, ring, statistics, takeError: () => undefined, close: () => {} };
    const lane = new RingLane({ id, isShared: false, cooked: false, isOwnSocket: false }, socket);
    lane.interfaces.put(device(id), new Attribution([all], new MemberLedger().accountsOn(`eth${id}`)));
    reader.add(lane);
    return lane;
  };

  /** What is in sections by now, by the first byte of each packet. */
  const read = (): number[] => {
    assembler.close();
    return stored;
  };

  beforeEach(() => {
    nowMs = 0;
    stored = [];
    wakeUp = WakeUp.create();
    const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
    const writer = new SectionWriter({ ...origin, capacityBytes: SECTION_CAPACITY_BYTES });
    const keep = ({ bytes }: { bytes: Uint8Array }) =>
      forEachPacket(bytes, ({ start }) => {
        stored.push(bytes[start]!);
        return true;
      });
    const totals = () => ({ kernelPassed: 0, kernelDropped: 0, taken: 0 });
    assembler = new SectionAssembler(writer, { write: keep }, totals, noProgress);
    reader = new RingReader(assembler, wakeUp, () => nowMs);
    flooded = new FloodedRing(FLOOD, () => {
      nowMs += BLOCK_MS;
    });
    flooded.isFlooded = true;
    quiet = new FakeRing({ blockBytes: 1 << 16, blockCount: 8 });
  });
  afterEach(() => wakeUp.close());

  it('comes to the others, and to orders, while one ring fills as fast as it is read', () => {
    laneOf(FLOOD, flooded);
    laneOf(QUIET, quiet);
    quiet.push([{ bytes: new Uint8Array(60).fill(QUIET) }]);
    expect(reader.turn(0)).toBe(false);
    expect(read().filter((mark) => mark === QUIET)).toHaveLength(1);
    expect(nowMs).toBeLessThan(50);
    // It does not wait: there is more to read, whatever poll(2) says.
    const startMs = performance.now();
    expect(reader.turn(2000)).toBe(false);
    flooded.isFlooded = false;
    expect(reader.turn(2000)).toBe(true);
    expect(performance.now() - startMs).toBeLessThan(1000);
    expect(read().filter((mark) => mark === FLOOD)).toHaveLength(flooded.blocks);
  });

  it('carries out what waits for a cut in a ring that is never read to its end, behind all that came before', () => {
    const lane = laneOf(FLOOD, flooded);
    // So many wait at any time.
    for (let waiting = 0; waiting < 5; waiting++) flooded.push([{ bytes: new Uint8Array(60).fill(FLOOD) }]);
    const readyAtMs = nowMs + 50;
    let atCut: { read: number; nowMs: number } | undefined;
    lane.atNextCut(nowMs, () => {
      atCut = { read: read().length, nowMs };
    });
    let came = 0;
    for (let turns = 0; turns < 20; turns++) {
      reader.turn(0);
      if (came === 0 && nowMs >= readyAtMs) came = 5 + flooded.blocks;
    }
    expect(atCut?.read).toBeGreaterThanOrEqual(came);
    expect(atCut?.nowMs).toBeGreaterThanOrEqual(readyAtMs);
    expect(lane.isChanging).toBe(false);
  });

  it('reads nothing while it is paused, but a ring that is changing, and all of it afterwards', () => {
    flooded.isFlooded = false;
    const lane = laneOf(FLOOD, flooded);
    laneOf(QUIET, quiet);
    reader.isPaused = true;
    flooded.push([{ bytes: new Uint8Array(60).fill(FLOOD) }]);
    quiet.push([{ bytes: new Uint8Array(60).fill(QUIET) }]);
    expect(reader.turn(0)).toBe(false);
    expect(read()).toEqual([]);
    let isCut = false;
    lane.atNextCut(nowMs - 50, () => {
      isCut = true;
    });
    expect(reader.turn(0)).toBe(false);
    expect([read(), isCut]).toEqual([[FLOOD], true]);
    reader.isPaused = false;
    expect(reader.turn(0)).toBe(true);
    expect(read()).toEqual([FLOOD, QUIET]);
  });
});
