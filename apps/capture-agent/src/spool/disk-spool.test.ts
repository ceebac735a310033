import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskRig } from './contract-tests/disk-rig.js';
import { segmentFile } from './spool-folder.js';

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

describe('a damaged spool', () => {
  it('keeps the good part of a segment with a torn end, and counts the rest', async () => {
    await rig.open();
    rig.append(0);
    const { segment, start, end } = rig.append(1);
    truncateSync(segmentFile(rig.folder, segment), end - 10);
    const spool = await rig.open();
    expect(await rig.takeAll()).toEqual([0]);
    expect(spool.counts.damaged).toEqual({ sections: 1, packets: 0, bytes: end - 10 - start });
  });

  it('counts a torn section no more when the process after it has written it anew', async () => {
    await rig.open();
    rig.append(0);
    const { segment, end } = rig.append(1);
    truncateSync(segmentFile(rig.folder, segment), end - 10);
    const spool = await rig.open();
    rig.append(1);
    expect(await rig.takeAll()).toEqual([0, 1]);
    expect(spool.counts.damaged).toMatchObject({ sections: 0, packets: 0 });
  });

  it('keeps count of a torn section when the next epoch has come', async () => {
    await rig.open();
    const { segment, end } = rig.append(0);
    truncateSync(segmentFile(rig.folder, segment), end - 10);
    const spool = await rig.open();
    rig.append(0, 100, { epoch: 101 });
    expect(await rig.takeAll()).toEqual([0]);
    expect(spool.counts.damaged).toMatchObject({ sections: 1 });
  });

  it('goes on behind damage, and counts by the neighbours what was in it', async () => {
    await rig.open();
    const [, second, third] = await rig.fill(0, 4, 300);
    rig.change(second!.segment, (bytes) => bytes.fill(0, second!.start + 5, third!.start + 20));
    const spool = await rig.open();
    expect(spool.counts).toMatchObject({ waiting: { sections: 2 }, damaged: { sections: 2, packets: 6 } });
    expect(await rig.takeAll()).toEqual([0, 3]);
  });

  // Looks at headers only: of a large section, most is never read before it is sent.
  it.each([0, 1, 4090, 4096, 20_000])(
    'finds the records behind damage in large ones, %i bytes into one',
    async (into) => {
      await rig.open({}, 1 << 20);
      const places = await rig.fill(0, 6, 20_000);
      const { segment, start } = places[1]!;
      const last = places[5]!;
      rig.change(segment, (bytes) => bytes.fill(7, start + into, places[3]!.start - 2000));
      truncateSync(segmentFile(rig.folder, segment), last.end - 1);
      const spool = await rig.open();
      rig.append(6);
      expect(await rig.takeAll()).toEqual([0, 3, 4, 6]);
      const bytes = places[3]!.start - start + (last.end - 1 - last.start);
      expect(spool.counts).toMatchObject({ waiting: { sections: 0 }, damaged: { sections: 3, packets: 9, bytes } });
    },
  );

  it.each([
    ['the newest record', 3, 4],
    ['the only two that wait', 2, 4],
    ['the first record', 0, 1],
    ['all records', 0, 4],
  ])('counts %s where its header is damaged while no process runs, and once', async (_, from, to) => {
    await rig.open({}, 1 << 20);
    const places = await rig.fill(0, 4);
    if (from === 2) {
      await rig.take(places[1]!.end);
      await rig.spool.acknowledge();
    }
    await rig.spool.close();
    rig.change(1, (bytes) => {
      for (const { start } of places.slice(from, to)) bytes[start + 50]! ^= 1;
      return bytes;
    });
    const spool = await rig.open();
    const lost = { sections: to - from, packets: 3 * (to - from) };
    expect(spool.counts).toMatchObject({ damaged: lost, waiting: { sections: from === 2 ? 0 : 4 - lost.sections } });
    rig.append(0, 100, { epoch: 101 });
    await spool.refresh();
    expect(spool.counts.damaged).toMatchObject(lost);
    await rig.takeAll();
    await rig.open();
    expect(rig.spool.counts.damaged).toMatchObject({ sections: 0, packets: 0 });
  });

  it('counts what is damaged once, by the process that finds it first, and nothing that was sent', async () => {
    await rig.open({}, 1 << 20);
    const places = await rig.fill(0, 6);
    await rig.take(places[2]!.end);
    await rig.spool.acknowledge();
    await rig.spool.close();
    const harm = (...seqs: number[]) =>
      rig.change(1, (bytes) => {
        for (const seq of seqs) bytes[places[seq]!.start + 50]! ^= 1;
        return bytes;
      });
    harm(1, 2, 4);
    expect((await rig.open()).counts.damaged).toMatchObject({ sections: 1, packets: 3 });
    harm(5);
    const spool = await rig.open();
    expect(spool.counts).toMatchObject({ damaged: { sections: 1, packets: 3 }, waiting: { sections: 1 } });
    expect(await rig.takeAll()).toEqual([3]);
  });

  it('counts the newest record no more when the process after it has written it anew, and keeps count of the one before', async () => {
    await rig.open({}, 1 << 20);
    const places = await rig.fill(0, 4);
    rig.change(1, (bytes) => {
      for (const { start } of places.slice(2)) bytes[start + 50]! ^= 1;
      return bytes;
    });
    const spool = await rig.open();
    expect(spool.counts.damaged).toMatchObject({ sections: 2, packets: 6 });
    // As a section that was recovered: what it says of those before is what could be read.
    rig.append(3, 600, { spooled: { sections: 3, packets: 9 } });
    expect(await rig.takeAll()).toEqual([0, 1, 3]);
    expect(spool.counts.damaged).toMatchObject({ sections: 1, packets: 3 });
  });

  it('counts nothing as damaged that was appended after the last look, or was sent', async () => {
    await rig.open({}, 1 << 20);
    await rig.fill(0, 2);
    rig.append(2);
    rig.append(3);
    expect((await rig.open()).counts).toMatchObject({ waiting: { sections: 4 }, damaged: { sections: 0 } });
    await rig.takeAll();
    rig.change(1, (bytes) => bytes.fill(7));
    expect((await rig.open()).counts.damaged).toMatchObject({ sections: 0, packets: 0 });
  });

  it('counts the sections of a segment that is gone', async () => {
    await rig.open();
    const places = await rig.fill(0, 12);
    rmSync(segmentFile(rig.folder, places[0]!.segment + 1));
    const spool = await rig.open();
    const kept = await rig.takeAll();
    expect(kept).toEqual(expect.arrayContaining([0, 11]));
    expect(spool.counts.damaged).toMatchObject({ sections: 12 - kept.length, packets: 3 * (12 - kept.length) });
  });

  it('sends what came into a segment that was deleted, by its descriptor, and goes on in the next', async () => {
    const spool = await rig.open({}, 1 << 20);
    await rig.fill(0, 1);
    for (const name of rig.segments) rmSync(join(rig.folder, name));
    await rig.fill(1, 2);
    rig.nowMs += 10;
    await rig.fill(2, 4);
    expect(rig.segments).toEqual(['00000002.seg']);
    expect(await rig.takeAll()).toEqual([0, 1, 2, 3]);
    expect(spool.counts.damaged).toMatchObject({ sections: 0 });
  });

  it.each([
    ['none', 0, 0],
    ['those that are in flight', 2, 0],
    ['one, and a part of the next', 0, 1],
  ])('counts what a segment that somebody cuts short no longer has at once, left: %s', async (_, inFlight, left) => {
    const spool = await rig.open({}, 1 << 20);
    const places = await rig.fill(0, 4);
    if (inFlight > 0) expect(await rig.take(places[1]!.end)).toEqual([0, 1]);
    truncateSync(segmentFile(rig.folder, 1), left > 0 ? places[left]!.start + 30 : 0);
    rig.nowMs += 10;
    await rig.fill(4, 6);
    expect(rig.segments).toEqual(['00000001.seg', '00000002.seg']);
    const lost = 4 - inFlight - left;
    const counts = { waiting: { sections: 6 - lost }, damaged: { sections: lost, packets: 3 * lost } };
    expect(spool.counts).toMatchObject(counts);
    if (inFlight > 0) await spool.acknowledge();
    expect(await rig.takeAll()).toEqual([...(left > 0 ? [0] : []), 4, 5]);
    expect(spool.counts).toMatchObject({ ...counts, waiting: { sections: 0, packets: 0, bytes: 0 } });
    expect(spool.troubles).toEqual([]);
  });

  it('counts of the newest of several segments only what that no longer has', async () => {
    await rig.open({}, 1000);
    const places = await rig.fill(0, 4, 300);
    truncateSync(segmentFile(rig.folder, places[3]!.segment), places[3]!.start);
    await rig.spool.refresh();
    expect(places[3]!.start).toBeGreaterThan(0);
    expect(rig.spool.counts).toMatchObject({ waiting: { sections: 3 }, damaged: { sections: 1, packets: 3 } });
    expect(await rig.takeAll()).toEqual([0, 1, 2]);
  });

  it('counts what a segment before the newest no longer has when it comes to it, and knows afterwards', async () => {
    const spool = await rig.open({}, 1000);
    const [first] = await rig.fill(0, 3, 900);
    truncateSync(segmentFile(rig.folder, first!.segment), 0);
    expect(await rig.take()).toEqual([1]);
    await spool.refresh();
    expect(spool.counts).toMatchObject({ waiting: { sections: 2 }, damaged: { sections: 1, packets: 3 } });
    expect(spool.troubles).toEqual([]);
    const next = await rig.open({}, 1000);
    expect(next.counts).toMatchObject({ waiting: { sections: 2 }, damaged: { sections: 0 } });
  });

  it('goes on behind a segment that was deleted before it was found', async () => {
    await rig.open({}, 1 << 20);
    rig.append(0);
    for (const name of rig.segments) rmSync(join(rig.folder, name));
    rig.nowMs += 10;
    await rig.fill(1, 2);
    expect(await rig.takeAll()).toEqual([1]);
  });

  it('counts what was in a segment that was deleted, where nobody has it open', async () => {
    const spool = await rig.open({}, 1 << 20);
    await rig.fill(0, 1);
    rig.files.close();
    for (const name of rig.segments) rmSync(join(rig.folder, name));
    await rig.fill(1, 2);
    rig.nowMs += 10;
    await rig.fill(2, 3);
    expect(await rig.takeAll()).toEqual([2]);
    expect(spool.counts.damaged).toMatchObject({ sections: 2, packets: 6 });
  });

  it('gives up a section whose checksum is wrong, wherever it is, and no other', async () => {
    await rig.open();
    const places = await rig.fill(0, 4, 100);
    rig.change(places[0]!.segment, (bytes) => {
      for (const at of [0, 2]) bytes[places[at]!.end - 5]! ^= 1;
      return bytes;
    });
    expect(await rig.take()).toEqual([1]);
    expect(rig.spool.peek()).toMatchObject({ seq: 1 });
    await rig.spool.acknowledge();
    expect(await rig.takeAll()).toEqual([3]);
    expect(rig.spool.counts).toMatchObject({ waiting: { sections: 0 }, damaged: { sections: 2, packets: 6 } });
    expect(rig.spool.sent).toMatchObject({ sections: 2 });
  });

  it('loses what is damaged after it was found, exactly', async () => {
    await rig.open();
    const places = await rig.fill(0, 4);
    await rig.fill(4, 8);
    rig.change(places[1]!.segment, (bytes) => bytes.fill(7, places[1]!.start));
    expect(await rig.takeAll()).toEqual([0, 4, 5, 6, 7]);
    expect(rig.spool.counts).toMatchObject({
      waiting: { sections: 0, bytes: 0 },
      damaged: { sections: 3, packets: 9 },
    });
  });

  it('loses all that is damaged up to the end, and goes on with what comes', async () => {
    await rig.open();
    const [first] = await rig.fill(0, 3);
    rig.change(first!.segment, (bytes) => bytes.fill(7));
    expect(await rig.take()).toEqual([]);
    expect(rig.spool.counts).toMatchObject({ waiting: { sections: 0 }, damaged: { sections: 3 } });
    expect(rig.spool.peek()).toBeUndefined();
    await rig.open();
    await rig.fill(3, 4);
    expect(await rig.takeAll()).toEqual([3]);
  });

  it('is empty where the files are of something else', async () => {
    writeFileSync(join(rig.folder, '00000003.seg'), 'no segment at all');
    writeFileSync(join(rig.folder, '00000004.seg'), '');
    const spool = await rig.open();
    expect(await rig.takeAll()).toEqual([]);
    expect(spool.counts.damaged).toMatchObject({ bytes: 17 });
    expect(spool.firstSegment).toBe(5);
  });

  it.each([
    ['of something else', 0],
    ['half of something else', 8],
  ])('begins anew where the marks are %s', async (_, keptBytes) => {
    await rig.open();
    await rig.fill(0, 2);
    await rig.takeAll();
    await rig.spool.close();
    const marks = join(rig.folder, 'marks');
    writeFileSync(marks, readFileSync(marks).fill(0xa5, keptBytes));
    const spool = await rig.open();
    // What is still there is sent again: the other side knows it.
    expect(await rig.takeAll()).toEqual([0, 1]);
    expect(spool.counts.evicted).toMatchObject({ sections: 0 });
  });

  it('takes for sent what has no key any more where the marks are lost, and sends the rest again', async () => {
    // One segment: none is deleted meanwhile.
    await rig.open({}, 1 << 20);
    for (let seq = 0; seq < 12; seq++) rig.append(seq, 600, { epoch: seq < 6 ? 100 : 200 });
    await rig.takeAll();
    for (let seq = 12; seq < 14; seq++) rig.append(seq, 600, { epoch: 200 });
    await rig.spool.close();
    rmSync(join(rig.folder, 'marks'));
    const spool = await rig.open({}, 3000, { has: (epoch) => epoch > 100, newest: 200 });
    expect([spool.passed.sections, spool.counts.evicted.sections]).toEqual([6, 0]);
    expect(await rig.takeAll()).toEqual([6, 7, 8, 9, 10, 11, 12, 13]);
    expect(spool.counts).toMatchObject({ waiting: { sections: 0 }, damaged: { sections: 0 } });
    expect((await rig.open({}, 3000, { has: () => false, newest: 200 })).passed.sections).toBe(0);
  });

  it.each([
    ['all keys are gone', 0, 0],
    ['the newest key is older', 150, 0],
    ['the newest epoch has left nothing', 300, 6],
  ])('takes for sent only what keys of later epochs tell so: %s', async (_, newest, passed) => {
    await rig.open({}, 1 << 20);
    for (let seq = 0; seq < 6; seq++) rig.append(seq, 600, { epoch: 200 });
    await rig.spool.close();
    rmSync(join(rig.folder, 'marks'));
    const spool = await rig.open({}, 3000, { has: () => false, newest });
    expect([spool.passed.sections, spool.counts.waiting.sections]).toEqual([passed, 6 - passed]);
  });

  it('goes one step back where the last mark is damaged', async () => {
    await rig.open();
    await rig.fill(0, 3);
    await rig.takeAll(1);
    await rig.spool.close();
    const marks = join(rig.folder, 'marks');
    const words = new Float64Array(new Uint8Array(readFileSync(marks)).buffer);
    // The offset of `done` in the bank that is in force.
    words[(words[1] === 1 ? 136 : 8) + 2]! += 1;
    writeFileSync(marks, new Uint8Array(words.buffer));
    await rig.open();
    expect(await rig.takeAll()).toEqual([2]);
    await rig.open();
    expect(await rig.takeAll()).toEqual([]);
  });
});
