import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BpfleetError } from '@bpfleet/errors';
import { PrivateKey } from '@bpfleet/service';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpoolSink } from '../capture/sections/spool-sink.js';
import { noAmount } from './amount.js';
import { aHeader, aSection } from './contract-tests/records.js';
import { SegmentWriter } from './segment-writer.js';
import { type WaitingLimits, WaitingSections } from './waiting-sections.js';

const limits = { spoolBytes: 1 << 20, spoolHours: 1e6, pendingBytes: 1 << 20 };
const clock = { boot: 1, nowMs: () => 0 };
const FULL = new BpfleetError('DATA_NOT_WRITABLE', 'the spool takes no sections: ENOSPC');
const BYTES = 600;

describe('sections that wait in memory', () => {
  let folder: string;
  let sections: WaitingSections;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bpfleet-in-memory-'));
    await begin(6);
  });
  afterEach(async () => {
    await end();
    rmSync(folder, { recursive: true, force: true });
  });

  async function begin(epoch: number, other: Partial<WaitingLimits> = {}): Promise<void> {
    sections = new WaitingSections(folder, { ...limits, ...other }, clock, pino({ enabled: false }), () => undefined);
    await sections.open();
    await sections.beginEpoch(epoch, { key: PrivateKey.generate(), delegation: `of ${epoch}` });
  }
  async function end(): Promise<void> {
    sections.stopRetry();
    await sections.close();
  }
  function refuse(...seqs: number[]): void {
    for (const seq of seqs) {
      const section = aSection(seq, BYTES);
      sections.refused(aHeader(seq, section, { epoch: 6, spooled: { sections: 0, packets: 0 } }), section, FULL);
    }
  }
  async function onDisk(): Promise<number[]> {
    const seqs: number[] = [];
    for (await sections.disk.refresh(); ; await sections.disk.acknowledge()) {
      const taken = await sections.disk.take(1 << 20);
      if (taken.length === 0) return seqs;
      seqs.push(...taken.map(({ header }) => header.seq));
    }
  }
  const of = (count: number) => ({ sections: count, packets: 3 * count, bytes: BYTES * count });

  it('go to the disk when that takes sections again, those that are being sent apart', async () => {
    const brought: number[] = [];
    sections.spool = async ({ header }) => void brought.push(header.seq);
    refuse(0, 1, 2);
    await sections.memory.take(1);
    await sections.lookForDeleted();
    expect(brought).toEqual([]);
    sections.taken();
    await sections.lookForDeleted();
    expect(brought).toEqual([1, 2]);
    expect(sections.memory.counts.waiting).toEqual(of(1));
  });

  it('are on the disk for the process after one that ended in order, also those that were being sent', async () => {
    refuse(0, 1, 2);
    await sections.memory.take(1);
    await end();
    await begin(7);
    expect(sections.disk.counts).toMatchObject({ evicted: noAmount, damaged: noAmount });
    expect(await onDisk()).toEqual([0, 1, 2]);
  });

  it('go behind those that the disk has of the same process, and none is missed', async () => {
    refuse(0);
    const writer = new SegmentWriter({ folder, firstSegment: sections.disk.firstSegment });
    const section = aSection(1, BYTES);
    writer.append(aHeader(1, section, { epoch: 6, spooled: { sections: 1, packets: 3 } }), section);
    writer.close();
    await end();
    await begin(7);
    expect(sections.disk.counts.damaged).toEqual(noAmount);
    expect(await onDisk()).toEqual([1, 0]);
  });

  it('count as given up once they are lost with their process', async () => {
    refuse(0, 1, 2);
    await sections.memory.take(1);
    await sections.memory.acknowledge();
    sections.stopRetry();
    await begin(7);
    expect(sections.disk.counts.evicted).toEqual(of(2));
    expect(sections.disk.counts.evictedOf).toEqual(new Map([[6, of(2)]]));
    expect(sections.disk.lostInMemory).toEqual(of(2));
    await end();
    await begin(8);
    expect([sections.disk.counts.evicted, sections.disk.lostInMemory]).toEqual([of(2), noAmount]);
  });

  it('are not told twice: what the process gave up itself is not lost with it', async () => {
    refuse(0, 1);
    await sections.memory.take(1);
    await sections.memory.giveUp();
    expect(sections.figures.evicted).toEqual(of(1));
    sections.stopRetry();
    await begin(7);
    expect(sections.disk.lostInMemory).toEqual(of(1));
    expect(sections.disk.givenUpOf(6)).toEqual(of(1));
    expect(sections.figures.evicted).toEqual(of(2));
  });

  it('are known as given up by the process after one whose memory was full', async () => {
    await end();
    await begin(6, { pendingBytes: 2 * BYTES });
    refuse(0, 1, 2, 3, 4);
    expect(sections.figures).toMatchObject({ waiting: of(2), evicted: of(3) });
    sections.stopRetry();
    await begin(7);
    expect([sections.disk.givenUpOf(6), sections.disk.lostInMemory]).toEqual([of(3), of(2)]);
  });

  it('are lost with their process also on their way to the disk, and keep the key of their epoch until they are there', async () => {
    let tried = (): void => undefined;
    sections.spool = () => new Promise((resolve) => (tried = resolve));
    refuse(0);
    sections.taken();
    await sections.lookForDeleted();
    expect(sections.memory.counts.waiting).toEqual(noAmount);
    expect(sections.memory.epochs).toEqual(new Set([6]));
    const process = sections;
    process.stopRetry();
    await begin(7);
    expect(sections.disk.lostInMemory).toEqual(of(1));
    tried();
    await process.close();
    expect(process.memory.epochs).toEqual(new Set());
  });

  it('are sent oldest first, those that the disk refused twice too', async () => {
    sections.spool = async ({ header: { seq } }) => (seq === 1 ? refuse(3, 1) : undefined);
    refuse(0, 1, 2);
    await sections.memory.take(1);
    sections.taken();
    await sections.lookForDeleted();
    await sections.memory.acknowledge();
    const taken = await sections.memory.take(1 << 20);
    expect(taken.map(({ header }) => header.seq)).toEqual([1, 3]);
  });

  it('are tried again by whoever appends, behind later ones, and what is missing is told right', async () => {
    const writer = new SegmentWriter({ folder, firstSegment: sections.disk.firstSegment });
    let isFull = true;
    const append: SegmentWriter['append'] = (header, bytes) => {
      if (isFull) throw FULL;
      return writer.append(header, bytes);
    };
    const sink: SpoolSink = new SpoolSink(
      { agent: 'host-1', epoch: 6, boot: 1, nowMs: () => 0 },
      { append },
      () => sections.taken(),
      (header, bytes, error) => sections.refused(header, bytes, error),
    );
    sections.spool = async ({ header, bytes }) => sink.again(header, bytes);
    const close = (seq: number): void => {
      const bytes = new Uint8Array(aSection(seq, BYTES));
      sink.write({ seq, tsMinNs: 1n, tsMaxNs: 2n, packets: 3, filters: [], crc32: seq, bytes });
    };
    close(0);
    close(1);
    isFull = false;
    close(2);
    await sections.lookForDeleted();
    await sections.disk.refresh();
    expect(sections.disk.lastOf(6)).toMatchObject({ seq: 2, closed: { sections: 3 }, spooled: { sections: 3 } });
    close(3);
    writer.close();
    await sections.disk.refresh();
    expect(sections.disk.counts).toMatchObject({ waiting: { sections: 4 }, damaged: noAmount });
    expect(sections.disk.lastOf(6)).toMatchObject({ seq: 3, closed: { sections: 4 }, spooled: { sections: 4 } });
    expect(sections.memory.counts.waiting).toEqual(noAmount);
  });
});
