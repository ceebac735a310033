import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskRig } from './contract-tests/disk-rig.js';

let rig: DiskRig;
beforeEach(() => {
  rig = new DiskRig();
});
afterEach(() => rig.close());

describe('DiskSpool', () => {
  it('gives what the writer appends, over segments, and deletes those that are done but the newest', async () => {
    const spool = await rig.open();
    for (let seq = 0; seq < 20; seq++) rig.append(seq);
    expect(await rig.takeAll(2000)).toEqual(Array.from({ length: 20 }, (_, seq) => seq));
    expect(rig.segments).toHaveLength(1);
    rig.append(20);
    expect(await rig.takeAll()).toEqual([20]);
    expect(spool.sent).toMatchObject({ sections: 21, packets: 63 });
  });

  it('goes on where the process before was killed, and repeats what that had in flight', async () => {
    await rig.open();
    await rig.fill(0, 6);
    expect(await rig.take(2000)).toEqual([0, 1]);
    await rig.spool.acknowledge();
    expect(await rig.take(1)).toEqual([2]);
    const next = await rig.open();
    expect(next.counts.waiting).toMatchObject({ sections: 4, packets: 12 });
    expect(next.peek()).toMatchObject({ seq: 2 });
    expect(await rig.takeAll()).toEqual([2, 3, 4, 5]);
    expect(next.sent).toMatchObject({ sections: 6 });
    await rig.open();
    expect(await rig.takeAll()).toEqual([]);
  });

  it('sends sections of epochs before first, and knows which they are', async () => {
    await rig.open();
    rig.append(0, 100, { epoch: 7 });
    await rig.open();
    rig.append(0, 100, { epoch: 8 });
    await rig.spool.refresh();
    expect([...rig.spool.epochs]).toEqual([7, 8]);
    await rig.take(1);
    await rig.spool.acknowledge();
    expect([...rig.spool.epochs]).toEqual([8]);
    expect(rig.spool.lastOf(7)).toMatchObject({ epoch: 7, seq: 0 });
  });

  it('still knows the last record of an epoch when all of it is sent', async () => {
    await rig.open();
    await rig.fill(0, 10);
    await rig.takeAll();
    const next = await rig.open();
    expect(next.lastOf(100)).toMatchObject({ seq: 9, closed: { sections: 10, packets: 30 } });
    expect(next.lastOf(99)).toBeUndefined();
  });

  it('never uses the number of a segment again', async () => {
    const first = await rig.open();
    await rig.fill(0, 10);
    await rig.takeAll();
    for (const name of rig.segments) rmSync(join(rig.folder, name));
    const { firstSegment } = await rig.open();
    expect(firstSegment).toBeGreaterThan(first.firstSegment + 2);
    await rig.fill(10, 12);
    expect(await rig.takeAll()).toEqual([10, 11]);
  });

  it('gives up what is too old, by the clock of this boot', async () => {
    const spool = await rig.open({ maxAgeMs: 10_000 });
    rig.append(0);
    rig.append(1, 10, { closedAtMs: 1100 });
    rig.nowMs = 11_002;
    expect(await rig.takeAll()).toEqual([1]);
    expect(spool.counts.evicted).toMatchObject({ sections: 1, packets: 3 });
  });

  it('gives up what another boot left once it has waited that long in this one, and what lies behind it', async () => {
    await rig.open();
    rig.append(0, 10, { boot: 2, closedAtMs: 9e9 });
    rig.nowMs = 5_000;
    const spool = await rig.open({ maxAgeMs: 10_000 });
    for (let seq = 1; seq <= 5; seq++) rig.append(seq, 10, { closedAtMs: 5_000 + seq });
    rig.nowMs = 15_000;
    await rig.spool.refresh();
    expect(spool.counts).toMatchObject({ waiting: { sections: 6 }, evicted: { sections: 0 } });
    rig.nowMs = 16_001;
    await rig.spool.refresh();
    expect(spool.counts).toMatchObject({ waiting: { sections: 0 }, evicted: { sections: 6 } });
  });

  it('counts that time on across processes, as far as what was closed behind it tells', async () => {
    await rig.open();
    rig.append(0, 10, { boot: 2 });
    rig.append(1, 10, { boot: 2 });
    rig.append(2, 10, { closedAtMs: 3_000 });
    rig.append(3, 10, { closedAtMs: 4_000 });
    rig.nowMs = 9_000;
    const spool = await rig.open({ maxAgeMs: 10_000 });
    rig.nowMs = 13_001;
    await rig.spool.refresh();
    expect(spool.counts).toMatchObject({ waiting: { sections: 1 }, evicted: { sections: 3 } });
  });

  it('gives up none too soon that another boot left behind a section of this one', async () => {
    await rig.open();
    rig.append(0, 10, { closedAtMs: 3_000 });
    rig.append(1, 10, { boot: 2 });
    rig.nowMs = 9_000;
    const spool = await rig.open({ maxAgeMs: 10_000 });
    rig.nowMs = 18_999;
    expect(await rig.takeAll()).toEqual([1]);
    expect(spool.counts.evicted).toMatchObject({ sections: 1 });
  });

  it('says what comes next after giving up what was', async () => {
    const spool = await rig.open({ maxBytes: 4000 });
    await rig.fill(0, 2);
    expect(spool.peek()).toMatchObject({ seq: 0 });
    await rig.fill(2, 10);
    expect(spool.peek()).toMatchObject({ seq: 6 });
    expect(await rig.takeAll()).toEqual([6, 7, 8, 9]);
  });
});

describe('what a DiskSpool gives up while sections are in flight', () => {
  beforeEach(async () => {
    await rig.open({ maxBytes: 4000 });
    await rig.fill(0, 3);
    expect(await rig.take()).toEqual([0, 1, 2]);
    // Three in flight; of the rest, one fits.
    await rig.fill(3, 13);
  });

  it('lies behind them, and its segments are gone at once', async () => {
    expect(rig.spool.counts).toMatchObject({ waiting: { sections: 4 }, evicted: { sections: 9 } });
    expect(rig.segments).toEqual(['00000001.seg', '00000003.seg', '00000004.seg']);
    await rig.spool.acknowledge();
    await rig.fill(13, 15);
    expect(await rig.takeAll()).toEqual([12, 13, 14]);
  });

  it('is given up after a kill too, and those in flight are not', async () => {
    await rig.fill(13, 14, 10);
    await rig.open();
    await rig.fill(14, 15);
    expect(rig.spool.counts).toMatchObject({ waiting: { sections: 6 }, evicted: { sections: 9 } });
    expect(rig.spool.counts.damaged).toMatchObject({ sections: 0 });
    // Not in one: what lies between is done only with what is before it.
    expect(await rig.take()).toEqual([0, 1, 2]);
    await rig.spool.acknowledge();
    expect(await rig.takeAll()).toEqual([12, 13, 14]);
    expect(rig.spool.counts).toMatchObject({ waiting: { sections: 0 }, evicted: { sections: 9 } });
    expect(rig.spool.sent).toMatchObject({ sections: 6 });
  });

  it('keeps what lies between it and those that are sent', async () => {
    expect(await rig.take(1)).toEqual([0]);
    await rig.spool.acknowledge();
    expect(await rig.takeAll()).toEqual([1, 2, 12]);
    expect(rig.spool.counts).toMatchObject({ evicted: { sections: 9 }, damaged: { sections: 0 } });
  });

  it('is one piece, also when less is in flight by now', async () => {
    expect(await rig.take(1)).toEqual([0]);
    // 1 is the oldest that is not in flight, and would be enough; 2 lies between it and what is gone already.
    await rig.fill(13, 14, 200);
    expect(rig.spool.counts).toMatchObject({ waiting: { sections: 3 }, evicted: { sections: 11 } });
    await rig.spool.acknowledge();
    expect(await rig.takeAll()).toEqual([12, 13]);
  });
});

describe('what a DiskSpool gives up in one segment', () => {
  it('grows while the same sections are in flight, and is left out by the next process', async () => {
    await rig.open({ maxBytes: 2000 });
    await rig.fill(0, 2, 100);
    expect(await rig.take()).toEqual([0, 1]);
    await rig.fill(2, 7, 50);
    const { sections: first } = rig.spool.counts.evicted;
    expect(first).toBeGreaterThan(0);
    await rig.fill(7, 8, 50);
    expect(rig.spool.counts.evicted).toMatchObject({ sections: first + 1 });
    expect(rig.segments).toHaveLength(1);
    await rig.open();
    // Alone: what was given up behind them is done only when they are.
    expect(await rig.take()).toEqual([0, 1]);
    await rig.spool.acknowledge();
    const rest = Array.from({ length: 8 }, (_, seq) => seq).slice(2 + first + 1);
    expect(await rig.takeAll()).toEqual(rest);
  });
});
