import { crc32 } from 'node:zlib';
import { PrivateKey } from '@bpfleet/service';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SpoolSink } from '../capture/sections/spool-sink.js';
import { senderMetrics } from '../uplink/metrics.js';
import { Sender } from '../uplink/sender.js';
import { GatedProducer, seqsIn } from './contract-tests/gated-producer.js';
import { aSection } from './contract-tests/records.js';
import { SmallDisk } from './contract-tests/small-disk.js';
import { DiskRetry } from './disk-retry.js';
import { DiskSpool } from './disk-spool.js';
import { MemoryStore } from './memory-store.js';
import { SegmentWriter } from './segment-writer.js';
import { SessionKeys } from './session-keys.js';
import { SpoolErrors } from './spool-errors.js';

const DISK_MIB = 3;
const SECTION_BYTES = 64 * 1024;

const disk = await SmallDisk.mount(DISK_MIB);
const title = `a spool on a disk that is full${disk ? '' : ' [skipped: mounting needs root]'}`;

describe.runIf(disk)(title, () => {
  const { folder } = disk!;
  const limits = { maxBytes: 1 << 30, maxAgeMs: 1e12 };
  const nowMs = () => 1000;
  const spool = new DiskSpool(folder, limits, 1, nowMs);
  const memory = new MemoryStore(1 << 30);
  const producer = new GatedProducer();
  const session = { key: PrivateKey.generate(), delegation: 'delegation' };
  let writer: SegmentWriter;
  let sink: SpoolSink;
  let sender: Sender;
  let refused = 0;
  let seq = 0;

  beforeAll(async () => {
    await spool.open();
    writer = new SegmentWriter({ folder, firstSegment: spool.firstSegment });
    sender = new Sender(
      { topic: 'packets.v1', sendTimeoutMs: 1000, keyOf: () => session },
      [spool, memory],
      producer,
      senderMetrics(new Registry()),
      pino({ level: 'silent' }),
      (error) => expect.fail(String(error)),
    );
    sink = new SpoolSink(
      { agent: 'host-1', epoch: 100, boot: 1, nowMs },
      writer,
      () => sender.wake(),
      (header, bytes) => {
        refused++;
        memory.add({ header, bytes });
        sender.wake();
      },
    );
    await sender.start();
  });
  afterAll(async () => {
    await sender?.stop(0);
    writer?.close();
    await spool.close();
    await disk!.unmount();
  });

  function close(count: number): void {
    for (let index = 0; index < count; index++) {
      const bytes = new Uint8Array(aSection(seq, SECTION_BYTES));
      sink.write({ seq: seq++, tsMinNs: 1n, tsMaxNs: 2n, packets: 3, filters: [], crc32: crc32(bytes), bytes });
    }
  }
  const allSent = () => vi.waitFor(() => expect(new Set(sent()).size).toBe(seq), 10_000);
  const sent = (): number[] => producer.sends.flatMap(({ records }) => seqsIn(records));
  const sections = (mib: number): number => Math.ceil((mib * 2 ** 20) / SECTION_BYTES);

  it('keeps in memory what the disk does not take, and returns to the disk by itself', async () => {
    close(sections(2 * DISK_MIB));
    expect(refused).toBeGreaterThan(sections(DISK_MIB) - 5);
    // Brokers come back: what is sent is deleted.
    (await producer.sent(1)).acknowledge();
    producer.answer = ({ acknowledge }) => acknowledge();
    await allSent();
    const before = refused;
    close(sections(1));
    expect(refused).toBe(before);
    await allSent();
    expect(spool.counts).toMatchObject({ evicted: { sections: 0 }, damaged: { bytes: 0 } });
    expect(memory.counts).toMatchObject({ waiting: { sections: 0 }, evicted: { sections: 0 } });
    expect(spool.sent.sections + before).toBe(seq);
  });

  it('opens on a disk that others filled, and sends from memory', async () => {
    const giveBack = await disk!.fillUp();
    const next = new DiskSpool(folder, limits, 1, nowMs);
    await next.open();
    expect(next.counts.damaged.bytes).toBe(0);
    await next.close();
    const before = refused;
    close(20);
    expect(refused).toBeGreaterThan(before);
    await allSent();
    await giveBack();
    close(1);
    await allSent();
    expect(spool.troubles).toEqual([]);
  });

  it('finds without a section that the disk takes them again, and keeps the key that it refused', async () => {
    const keys = new SessionKeys(folder);
    await keys.open();
    const giveBack = await disk!.fillUp();
    await keys.add(100, session);
    const errors = new SpoolErrors(folder, 1 << 30, spool, keys);
    errors.refused('the spool takes no sections: ENOSPC');
    expect(errors.current).toHaveLength(2);
    let news = 0;
    const retry = new DiskRetry(folder, errors, keys, () => news++, 20);
    const tries = vi.spyOn(keys, 'keepRefused');
    retry.look();
    await vi.waitFor(() => expect(tries.mock.calls.length).toBeGreaterThan(3));
    expect([news, errors.current.length]).toEqual([0, 2]);
    await giveBack();
    await vi.waitFor(() => expect(news).toBe(1));
    expect(errors.current).toEqual([]);
    const next = new SessionKeys(folder);
    await next.open();
    expect(next.get(100)?.delegation).toBe(session.delegation);
    retry.stop();
  });
});
