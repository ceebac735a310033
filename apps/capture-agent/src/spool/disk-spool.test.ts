import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aHeader, aSection } from './contract-tests/records.js';
import { DiskSpool } from './disk-spool.js';
import { SegmentWriter } from './segment-writer.js';

const limits = { maxBytes: 1 << 30, maxAgeMs: 1e12 };

describe('DiskSpool', () => {
  let folder = '';
  let opened: DiskSpool[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-spool-'));
    opened = [];
  });
  afterEach(async () => {
    for (const spool of opened) await spool.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function open(more: Partial<typeof limits> = {}, nowMs = () => 2000): Promise<DiskSpool> {
    const spool = new DiskSpool(folder, { ...limits, ...more }, 1, nowMs);
    await spool.open();
    opened.push(spool);
    return spool;
  }
  const writerAt = (firstSegment: number) => new SegmentWriter({ folder, firstSegment, segmentBytes: 3000 });
  const append = (writer: SegmentWriter, seq: number, bytes = 600) => {
    const section = aSection(seq, bytes);
    return writer.append(aHeader(seq, section), section);
  };
  async function takeAll(spool: DiskSpool, maxBytes = 1 << 20): Promise<number[]> {
    const seqs: number[] = [];
    for (;;) {
      await spool.refresh();
      const batch = await spool.take(maxBytes);
      if (batch.length === 0) return seqs;
      for (const { header, bytes } of batch) {
        expect(Buffer.compare(bytes, aSection(header.seq, bytes.length))).toBe(0);
        seqs.push(header.seq);
      }
      await spool.acknowledge();
    }
  }

  it('gives what the writer appends, in order and over segments, and deletes what is done', async () => {
    const spool = await open();
    const writer = writerAt(spool.firstSegment);
    for (let seq = 0; seq < 20; seq++) append(writer, seq);
    expect(await takeAll(spool, 2000)).toEqual(Array.from({ length: 20 }, (_, seq) => seq));
    expect(readdirSync(folder).filter((name) => name.endsWith('.seg'))).toHaveLength(1);
    append(writer, 20);
    expect(await takeAll(spool)).toEqual([20]);
    expect(spool.sent).toEqual({ sections: 21, packets: 63 });
  });

  it('gives the same again until it is acknowledged, also to the next process', async () => {
    const spool = await open();
    const writer = writerAt(spool.firstSegment);
    append(writer, 0);
    append(writer, 1);
    await spool.refresh();
    expect(await spool.take(1)).toHaveLength(1);
    expect((await spool.take(1))[0]!.header.seq).toBe(0);
    const next = await open();
    expect(await takeAll(next)).toEqual([0, 1]);
    expect(await takeAll(await open())).toEqual([]);
  });

  it('has everything either waiting, sent or given up, whenever the process is killed', async () => {
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('append' as const), bytes: fc.integer({ min: 10, max: 900 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('refresh' as const) }) },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('take' as const), bytes: fc.integer({ min: 1, max: 4000 }) }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('acknowledge' as const) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        rmSync(folder, { recursive: true, force: true });
        let spool = await open({ maxBytes: 5000 });
        let writer = writerAt(spool.firstSegment);
        let seq = 0;
        let taken: number[] = [];
        const sent = new Set<number>();
        for (const each of steps) {
          if (each.kind === 'append') append(writer, seq++, each.bytes);
          else if (each.kind === 'refresh') await spool.refresh();
          else if (each.kind === 'take') taken = (await spool.take(each.bytes)).map(({ header }) => header.seq);
          else if (each.kind === 'acknowledge') {
            for (const one of taken) sent.add(one);
            await spool.acknowledge();
            taken = [];
          } else {
            taken = [];
            spool = await open({ maxBytes: 5000 });
            writer = writerAt(spool.firstSegment);
          }
        }
        await spool.refresh();
        const { waiting, evicted, damaged } = spool.counts;
        expect(sent.size).toBe(spool.sent.sections);
        expect(sent.size + evicted.sections + waiting.sections).toBe(seq);
        expect(damaged.sections).toBe(0);
        const last = spool.lastOf(100);
        if (waiting.sections > 0) expect(last?.seq).toBe(seq - 1);
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it('gives up the oldest over its limit of bytes, never those in flight', async () => {
    const spool = await open({ maxBytes: 2500 });
    const writer = writerAt(spool.firstSegment);
    for (let seq = 0; seq < 2; seq++) append(writer, seq, 100);
    await spool.refresh();
    expect(await spool.take(1)).toHaveLength(1);
    for (let seq = 2; seq < 10; seq++) append(writer, seq, 100);
    await spool.refresh();
    expect(spool.peek()).toMatchObject({ seq: 0 });
    await spool.acknowledge();
    const kept = await takeAll(spool);
    expect(kept.at(-1)).toBe(9);
    expect(kept[0]).toBeGreaterThan(1);
    expect(spool.counts.evicted.sections).toBe(10 - 1 - kept.length);
  });

  it('gives up what is too old, by the clock of this boot', async () => {
    let nowMs = 2000;
    const spool = await open({ maxAgeMs: 10_000 }, () => nowMs);
    const writer = writerAt(spool.firstSegment);
    append(writer, 0);
    const section = aSection(1, 10);
    writer.append(aHeader(1, section, { boot: 2, closedAtMs: 0 }), section);
    nowMs = 11_002;
    expect(await takeAll(spool)).toEqual([1]);
    expect(spool.counts.evicted).toEqual({ sections: 1, packets: 3 });
  });

  it('keeps the good part of a segment with a torn end, and counts the rest', async () => {
    const first = await open();
    const writer = writerAt(first.firstSegment);
    append(writer, 0);
    const { start, end } = append(writer, 1);
    const path = join(folder, readdirSync(folder).find((name) => name.endsWith('.seg'))!);
    truncateSync(path, end - 10);
    const spool = await open();
    expect(await takeAll(spool)).toEqual([0]);
    expect(spool.counts.damaged).toEqual({ sections: 1, bytes: end - 10 - start });
  });

  it('goes on behind damage in the middle, also of a section alone', async () => {
    const first = await open();
    const writer = writerAt(first.firstSegment);
    for (let seq = 0; seq < 3; seq++) append(writer, seq);
    const { end } = append(writer, 3);
    const path = join(folder, readdirSync(folder).find((name) => name.endsWith('.seg'))!);
    const bytes = readFileSync(path);
    bytes[end - 5]! ^= 1;
    bytes[4 + 20]! ^= 1;
    writeFileSync(path, bytes);
    const spool = await open();
    expect(await takeAll(spool)).toEqual([1, 2]);
    expect(spool.counts.damaged).toMatchObject({ sections: 1 });
  });

  it('is empty where the files are of something else', async () => {
    writeFileSync(join(folder, '00000003.seg'), 'no segment at all');
    const spool = await open();
    expect(await takeAll(spool)).toEqual([]);
    expect(spool.counts.damaged.bytes).toBe(17);
    expect(spool.firstSegment).toBe(4);
  });
});
