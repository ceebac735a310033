import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskRig } from './contract-tests/disk-rig.js';
import { segmentFile } from './spool-folder.js';

let rig: DiskRig;
beforeEach(() => {
  rig = new DiskRig();
});
afterEach(() => rig.close());

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

  it.each([
    ['one', 1],
    ['several', 4],
  ])('passes over %s of somebody else, which come while sections are appended', async (_, count) => {
    const spool = await rig.open({}, 3000);
    await rig.fill(0, 1);
    for (let number = 2; number < 2 + count; number++) {
      writeFileSync(segmentFile(rig.folder, number), number % 2 === 0 ? '' : 'no segment at all');
    }
    await rig.fill(1, 2);
    expect(spool.counts.waiting).toMatchObject({ sections: 2 });
    const places = await rig.fill(2, 12);
    expect(places.at(-1)!.segment).toBeGreaterThan(1 + count);
    expect(spool.counts).toMatchObject({ waiting: { sections: 12 }, damaged: { sections: 0, packets: 0 } });
    expect(await rig.takeAll()).toEqual(Array.from({ length: 12 }, (_, seq) => seq));
    expect(spool.troubles).toEqual([]);
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
});
