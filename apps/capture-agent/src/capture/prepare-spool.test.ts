import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SectionWriter } from '@bpfleet/section';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { aHeader, aSection } from '../spool/contract-tests/records.js';
import { DiskSpool } from '../spool/disk-spool.js';
import { SegmentWriter } from '../spool/segment-writer.js';
import { noteOpenSection, prepareSpool } from './prepare-spool.js';
import { KEPT_TIMES_FILE } from './ring/kept-times.js';
import { OPEN_SECTION_FILE, OpenSection } from './sections/open-section.js';
import { openSectionFile } from './sections/open-section-file.js';
import { DAMAGED_SECTION } from './sections/recover-section.js';

const origin = { hardware: 'x86_64', operatingSystem: 'Linux', application: 'bpfleet' };
const facts = { agent: 'host-1', boot: 1, bootNowMs: () => 1000, origin, logger: pino({ level: 'silent' }) };
/** Words of the state page. */
const W = { magic: 0, epoch: 1, seq: 2, takenBefore: 5, commit: 6, start: 7, aliveAtMs: 9, dropped: 10, told: 500 };
const ALL = -1;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bpfleet-prepare-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A process of epoch 99 was killed with five packets in its section 7. */
function leaveOpenSection(damage: (words: Float64Array) => void): void {
  const file = openSectionFile(folder);
  const open = new OpenSection(file.memory);
  open.take(99);
  const section = new SectionWriter({ ...origin, capacityBytes: 65_536, buffer: open.buffer });
  section.begin();
  open.begin(7, section.endBytes, { kept: 40, taken: 41, dropped: 1 });
  section.addInterface({ name: 'eth0', linkType: 1, description: 'web@3' });
  open.enter(12, 9, 0, 41);
  for (let packets = 1; packets <= 5; packets++) {
    section.append(0, 1_700_000_000, 0, new Uint8Array(60), 0, 60, 60, undefined, 0);
    open.commit(section.endBytes, packets);
  }
  open.read(1_700_000_001_000);
  open.leftOut({ dropped: 3, sampledOut: 1, overBudget: 0 });
  damage(new Float64Array(file.memory, 0, 512));
  file.close();
}

async function opened(): Promise<DiskSpool> {
  const spool = new DiskSpool(folder, { maxBytes: 1 << 30, maxAgeMs: 1e12 }, 1, facts.bootNowMs);
  await spool.open();
  return spool;
}

/** As an agent does once its source has begun, and once that has ended. */
async function noted(): Promise<void> {
  const spool = await opened();
  noteOpenSection(folder, spool);
  await spool.close();
}

async function prepared() {
  const spool = await opened();
  const { before, readAtMs, isReadAtLost } = await prepareSpool(folder, spool, facts);
  const taken = await spool.take(1 << 20);
  const { damaged } = spool.counts;
  await spool.close();
  // The capture thread.
  const file = openSectionFile(folder);
  new OpenSection(file.memory).take(100);
  const next = new OpenSection(file.memory).left();
  file.close();
  return {
    before,
    readAt: { readAtMs, isReadAtLost },
    sections: taken.map(({ header: { epoch, seq, packets } }) => ({ epoch, seq, packets })),
    damaged,
    next,
  };
}

const stored = [{ epoch: 99, seq: 7, packets: 5 }];
const none = { sections: 0, packets: 0, bytes: 0 };
const told = {
  'before-epoch': '99',
  'before-kept': '45',
  'before-given-up': '0',
  'before-recovered': '5',
  'before-lost': '0',
};

describe('prepareSpool', () => {
  it('stores the section that was left, and tells its figures', async () => {
    leaveOpenSection(() => {});
    const { before, sections, damaged } = await prepared();
    expect({ sections, damaged }).toEqual({ sections: stored, damaged: none });
    expect(before).toEqual({
      ...told,
      ...{ 'before-captured': '46', 'before-sampled-out': '1', 'before-over-budget': '0', 'before-dropped': '3' },
      'before-alive-ms': '1700000001000',
    });
  });

  it.each<[string, number, (word: number) => number]>([
    ['its magic', W.magic, (magic) => magic + 1],
    ['its epoch, NaN', W.epoch, () => Number.NaN],
    ['its epoch, another number', W.epoch, (epoch) => epoch + 1e9],
    ['its number, a fraction', W.seq, () => 7.5],
    ['its number, another one', W.seq, () => 1e6],
    ['its start, negative', W.start, () => -8],
    ['its start, another block', W.start, (start) => start + 92],
    ['its end, NaN', W.commit, () => Number.NaN],
    ['its end, outside the buffer', W.commit, (commit) => commit + (8 << 20)],
    ['its end, between two words', W.commit, (commit) => commit + 2],
    ['its end, in a block', W.commit, (commit) => commit - 4],
    ['its end, before its start', W.commit, () => 4],
    ['what was told before it', W.told, (kept) => kept + 1],
    ['all of the page, no numbers', ALL, () => Number.NaN],
    ['all of the page, of zeros', ALL, () => 0],
  ])('says that the section is damaged, and goes on, where the disk changed %s', async (_, at, change) => {
    leaveOpenSection((words) => {
      if (at === ALL) words.fill(change(0), W.magic + 1);
      else words[at] = change(words[at]!);
    });
    const { before, sections, damaged, next } = await prepared();
    expect(sections.filter(({ packets }) => packets > 0)).toEqual([]);
    expect(damaged).toEqual({ sections: 1, packets: 0, bytes: expect.any(Number) });
    for (const figure of Object.values(before)) expect(figure).toMatch(/^\d{1,15}$/);
    expect(next).toMatchObject({ isReadable: true, areFiguresDamaged: false, taken: 0 });
  });

  it.each<[string, number, number, Record<string, string>]>([
    ['packets read, Infinity', W.takenBefore, Number.POSITIVE_INFINITY, { 'before-captured': '45' }],
    ['packets read, 1e300', W.takenBefore, 1e300, { 'before-captured': '45' }],
    ['drops, a fraction', W.dropped, 3.5, { 'before-dropped': '1' }],
    ['drops, NaN', W.dropped, Number.NaN, { 'before-dropped': '1' }],
    ['its last look, Infinity', W.aliveAtMs, Number.POSITIVE_INFINITY, { 'before-alive-ms': '0' }],
    ['its last look, a time that no Date has', W.aliveAtMs, 1e16, { 'before-alive-ms': '0' }],
  ])('keeps the packets, and says so, where the disk changed the figure of %s', async (_, word, value, figures) => {
    leaveOpenSection((words) => {
      words[word] = value;
    });
    const { before, sections, damaged, next } = await prepared();
    expect(sections).toEqual(stored);
    expect(before).toMatchObject({ ...told, ...figures });
    expect(damaged).toEqual({ sections: 0, packets: 0, bytes: 4096 });
    expect(next).toMatchObject({ isReadable: true, areFiguresDamaged: false });
  });

  it.each([OPEN_SECTION_FILE, KEPT_TIMES_FILE])('says that there is a folder in the place of %s', async (name) => {
    mkdirSync(join(folder, name));
    const spool = await opened();
    await prepareSpool(folder, spool, facts);
    expect(spool.troubles).toEqual([expect.stringMatching(new RegExp(`mapping ${name}, .*EISDIR`))]);
    await spool.close();
  });

  it('says that kept times are damaged', async () => {
    leaveOpenSection(() => {});
    writeFileSync(join(folder, KEPT_TIMES_FILE), new Uint8Array(Float64Array.of(7, Number.NaN, 5).buffer));
    const { sections, damaged } = await prepared();
    expect({ sections, damaged }).toEqual({ sections: stored, damaged: { sections: 0, packets: 0, bytes: 24 } });
  });

  it('starts where nothing but the time of an empty section is damaged', async () => {
    leaveOpenSection((words) => {
      words[W.aliveAtMs] = Number.POSITIVE_INFINITY;
      words[W.commit] = words[W.start]!;
      words[W.takenBefore] = 99;
    });
    const { before, sections } = await prepared();
    expect(sections).toEqual([{ epoch: 99, seq: 7, packets: 0 }]);
    expect(before).toMatchObject({ 'before-captured': '99', 'before-alive-ms': '0' });
  });

  const path = (): string => join(folder, OPEN_SECTION_FILE);
  const losses: [string, () => void][] = [
    ['truncated', () => truncateSync(path(), 0)],
    ['all zeros', () => writeFileSync(path(), new Uint8Array(1 << 19))],
    ['deleted', () => rmSync(path())],
  ];

  it.each(losses)('says that the section is damaged, and goes on, where its file is %s', async (_, lose) => {
    leaveOpenSection(() => {});
    await noted();
    lose();
    const { before, sections, damaged, next } = await prepared();
    expect({ before, sections, damaged }).toEqual({ before: {}, sections: [], damaged: DAMAGED_SECTION });
    expect(next).toMatchObject({ isReadable: true, taken: 0 });
    expect((await prepared()).damaged).toEqual(none);
  });

  it.each(losses)('says so too where the marks were deleted as well, and made again: %s', async (_, lose) => {
    leaveOpenSection(() => {});
    const spool = await opened();
    noteOpenSection(folder, spool);
    rmSync(join(folder, 'marks'));
    await spool.keepDeleted();
    await spool.close();
    lose();
    expect((await prepared()).damaged).toEqual(DAMAGED_SECTION);
  });

  it.each(['damaged', 'gone'])('knows since when no socket stood though the marks are %s', async (how) => {
    leaveOpenSection(() => {});
    await noted();
    if (how === 'gone') rmSync(join(folder, 'marks'));
    else writeFileSync(join(folder, 'marks'), Buffer.alloc(4096, 0xa5));
    expect((await prepared()).readAt).toEqual({ readAtMs: 1_700_000_001_000, isReadAtLost: undefined });
  });

  it.each(losses)('goes by the newest packet that is left where its file is %s, if there is one', async (_, lose) => {
    leaveOpenSection(() => {});
    await noted();
    lose();
    expect((await prepared()).readAt).toEqual({ readAtMs: undefined, isReadAtLost: true });
    leaveOpenSection(() => {});
    await noted();
    const writer = new SegmentWriter({ folder, firstSegment: 1 });
    writer.append(aHeader(6, aSection(6, 600), { epoch: 99 }), aSection(6, 600));
    writer.close();
    lose();
    expect((await prepared()).readAt).toEqual({ readAtMs: 1_700_000_000_000, isReadAtLost: true });
  });

  it('goes by its own packets where nothing but the time is damaged', async () => {
    leaveOpenSection((words) => {
      words[W.aliveAtMs] = Number.NaN;
    });
    expect((await prepared()).readAt).toEqual({ readAtMs: 1_700_000_000_000, isReadAtLost: true });
  });

  it('has nothing to say of it at a first start', async () => {
    const { before, sections, damaged } = await prepared();
    expect({ before, sections, damaged }).toEqual({ before: {}, sections: [], damaged: none });
  });

  it('tells what was lost with the memory of a process that had no open section, as sources without rings', async () => {
    const spool = await opened();
    spool.alsoInMemory({ sections: 2, packets: 30, bytes: 900 }, 98, new Map());
    expect((await prepared()).before).toEqual({ 'before-lost-in-memory': '30' });
  });

  it.each(losses)(
    'has nothing to say where a process before had noted none, as those did that are older: %s',
    async (_, lose) => {
      leaveOpenSection(() => {});
      await (await opened()).close();
      lose();
      expect((await prepared()).damaged).toEqual(none);
    },
  );

  it('has nothing to say after a source without one, nor where it was gone when that ended in order', async () => {
    await noted();
    expect((await prepared()).damaged).toEqual(none);
    await noted();
    rmSync(path());
    await noted();
    expect((await prepared()).damaged).toEqual(none);
  });
});
