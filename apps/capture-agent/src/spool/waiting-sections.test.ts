import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrivateKey } from '@bpfleet/service';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aHeader, aSection } from './contract-tests/records.js';
import type { RecordHeader } from './record-header.js';
import { SegmentWriter } from './segment-writer.js';
import { WaitingSections } from './waiting-sections.js';

const limits = { spoolBytes: 1 << 20, spoolHours: 1, pendingBytes: 1000 };
const clock = { boot: 1, nowMs: () => 0 };
const header = { epoch: 6, seq: 1, packets: 3, filters: [] } as unknown as RecordHeader;
const error = { code: 'DATA_NOT_WRITABLE', message: 'the spool takes no sections: ENOSPC' };

describe('sections that wait', () => {
  let folder: string;
  let sections: WaitingSections;
  let changes: number;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-waiting-'));
    changes = 0;
    await begin(6);
  });
  afterEach(async () => {
    await end();
    rmSync(folder, { recursive: true });
  });

  async function begin(epoch: number, lookMs?: number): Promise<void> {
    sections = new WaitingSections(folder, limits, clock, pino({ enabled: false }), () => void changes++, lookMs);
    await sections.open();
    await sections.beginEpoch(epoch, { key: PrivateKey.generate(), delegation: `of ${epoch}` });
  }
  async function end(): Promise<void> {
    sections.stopRetry();
    await sections.close();
  }
  async function endWithOneOf6(): Promise<void> {
    const writer = new SegmentWriter({ folder, firstSegment: sections.disk.firstSegment });
    writer.append(aHeader(0, aSection(0, 600), { epoch: 6 }), aSection(0, 600));
    writer.close();
    await end();
  }
  const keys = () => readdirSync(join(folder, 'keys')).sort();

  it('wait in memory when the disk refuses them, and count there', () => {
    sections.refused(header, new Uint8Array(100), error);
    const [disk, memory] = sections.counts;
    expect([disk.waiting.sections, memory.waiting]).toEqual([0, { sections: 1, packets: 3, bytes: 100 }]);
    expect(sections.figures.waiting).toEqual(memory.waiting);
  });

  it('tell once that the disk refuses, and of it until it takes one again', () => {
    for (let seq = 1; seq <= 3; seq++) sections.refused({ ...header, seq }, new Uint8Array(1), error);
    expect(changes).toBe(1);
    expect(sections.errors).toMatchObject([{ code: 'DATA_NOT_WRITABLE', message: expect.stringContaining('ENOSPC') }]);
    sections.taken();
    expect(sections.errors).toEqual([]);
  });

  it('keep the key of an epoch before only while sections of it wait', async () => {
    await end();
    await begin(7);
    expect(keys()).toEqual(['6.json', '7.json']);
    sections.refused(header, new Uint8Array(100), error);
    await sections.forgetKeys();
    expect(sections.keyOf(6)).toMatchObject({ delegation: 'of 6' });
    await sections.memory.take(1000);
    await sections.memory.acknowledge();
    await sections.forgetKeys();
    expect([sections.keyOf(6), keys()]).toEqual([undefined, ['7.json']]);
    expect(sections.keyOf(7)).toMatchObject({ delegation: 'of 7' });
  });

  it('have the key that the disk refused kept with the next section that it takes', async () => {
    rmSync(join(folder, 'keys'), { recursive: true });
    writeFileSync(join(folder, 'keys'), '');
    await sections.beginEpoch(8, { key: PrivateKey.generate(), delegation: '' });
    expect(sections.errors).toMatchObject([{ code: 'DATA_NOT_WRITABLE' }]);
    rmSync(join(folder, 'keys'));
    mkdirSync(join(folder, 'keys'));
    sections.taken();
    await expect.poll(() => sections.errors).toEqual([]);
    expect(keys()).toEqual(['8.json']);
  });

  it.each([
    ['the files of the spool', () => readdirSync(folder).map((name) => join(folder, name))],
    ['its folder', () => [folder]],
  ])('are sent once by the process after this one where somebody deletes %s', async (_, paths) => {
    // Each in a segment of its own.
    const writer = new SegmentWriter({ folder, firstSegment: sections.disk.firstSegment, segmentBytes: 1 });
    const append = (seq: number) => writer.append(aHeader(seq, aSection(seq, 600), { epoch: 6 }), aSection(seq, 600));
    const next = async () => {
      await sections.disk.refresh();
      return (await sections.disk.take(1)).map((section) => section.header.seq);
    };
    append(0);
    expect(await next()).toEqual([0]);
    await sections.disk.acknowledge();
    for (const path of paths()) rmSync(path, { recursive: true });
    await sections.lookForDeleted();
    for (const seq of [1, 2]) append(seq);
    expect(await next()).toEqual([1]);
    await sections.disk.acknowledge();
    writer.close();
    await end();
    await begin(7);
    expect([sections.disk.passed.sections, sections.keyOf(6)?.delegation]).toEqual([0, 'of 6']);
    expect(await next()).toEqual([2]);
    expect(sections.errors).toEqual([]);
  });

  it('find by themselves that somebody deleted the key that signs them', async () => {
    await end();
    await begin(7, 5);
    rmSync(join(folder, 'keys', '7.json'));
    await expect.poll(keys).toContain('7.json');
  });

  it('have their key and marks made again before the process ends', async () => {
    for (const name of ['keys', 'marks']) rmSync(join(folder, name), { recursive: true });
    await end();
    expect([keys(), existsSync(join(folder, 'marks'))]).toEqual([['6.json'], true]);
  });

  it('say which file that outlives a kill is gone, and what to do', async () => {
    for (const name of ['open-section', 'take-overs']) writeFileSync(join(folder, name), '');
    sections.keepsMapped(['open-section', 'take-overs', 'never made']);
    await sections.lookForDeleted();
    expect([sections.errors, changes]).toEqual([[], 0]);
    rmSync(join(folder, 'open-section'));
    await sections.lookForDeleted();
    await sections.lookForDeleted();
    expect(sections.errors).toMatchObject([
      { code: 'SECTION_CORRUPT', message: expect.stringMatching(/^open-section .*deleted.*restart the agent$/) },
    ]);
    expect(changes).toBe(1);
  });

  it('are not taken for sent where all files but segments are gone, and count as given up', async () => {
    await endWithOneOf6();
    for (const name of ['keys', 'marks']) rmSync(join(folder, name), { recursive: true });
    await begin(7);
    expect([sections.disk.passed.sections, sections.disk.counts.waiting.sections]).toEqual([0, 1]);
    sections.unsigned(header);
    sections.unsigned(header);
    expect(sections.errors).toMatchObject([
      { code: 'SECTION_CORRUPT', message: expect.stringMatching(/2 sections with 6 packets .*given up/) },
    ]);
    expect(changes).toBe(2);
  });

  it('are not taken for sent where the key is damaged', async () => {
    await endWithOneOf6();
    rmSync(join(folder, 'marks'));
    writeFileSync(join(folder, 'keys', '6.json'), '{');
    await begin(7);
    expect([sections.disk.passed.sections, sections.keyOf(6)]).toEqual([0, undefined]);
  });
});
