import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PrivateKey } from '@bpfleet/service';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordHeader } from './record-header.js';
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

  async function begin(epoch: number): Promise<void> {
    sections = new WaitingSections(folder, limits, clock, pino({ enabled: false }), () => void changes++);
    await sections.open();
    await sections.beginEpoch(epoch, { key: PrivateKey.generate(), delegation: `of ${epoch}` });
  }
  async function end(): Promise<void> {
    sections.stopRetry();
    await sections.close();
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
});
