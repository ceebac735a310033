import type { Bus, LogBounds, LogPartition } from '@bpfleet/bus';
import { BpfleetError } from '@bpfleet/errors';
import { createLogger, Registry } from '@bpfleet/service';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { flowLimits } from '../flows/partition-flows.js';
import { FakePositions } from '../testing/fake-positions.js';
import { makeSection, NOW_MS, NOW_NS, recordOf } from '../testing/sections.js';
import { MEASURE_LAG_EVERY_MS, STORE_FLOWS_EVERY_MS } from './config.js';
import { Ingest } from './ingest.js';
import { ingestMetrics } from './metrics.js';

const section = makeSection({ agent: 'host-1', epoch: 1, seq: 0, filter: 'web@3', atNs: [NOW_NS] });
/** Those of a section are stored after five seconds. */
const FLOWS_ARE_OLD_MS = 20_000;
const { signal } = new AbortController();

describe('Ingest, of a partition that no record comes from', () => {
  let store: FakePositions;
  let bounds: LogBounds;
  let ingest: Ingest;
  const partition: LogPartition = { logId: 'log', topic: 'packets.v1', partition: 3, bounds: async () => bounds };

  beforeEach(async () => {
    vi.useFakeTimers({ now: NOW_MS });
    store = new FakePositions();
    bounds = { first: 0n, end: 100n };
    const consumer = { start: async () => {}, stop: async () => {} };
    const bus = { ensureTopic: async () => {}, consumer: () => consumer } as unknown as Bus;
    ingest = new Ingest({ topic: 'packets.v1', group: 'group', partitions: 4, owner: 'me' }, bus, {
      store,
      metrics: ingestMetrics(new Registry()),
      logger: createLogger({ name: 'test', level: 'silent' }),
      nowMs: Date.now,
      signatures: { prepare: async () => {}, judge: () => ({ sessionKey: undefined }) },
    });
    await ingest.start();
    await ingest.assigned(partition);
    expect(await ingest.read(partition, [recordOf(section, 0n)], signal)).toBe(1n);
  });
  afterEach(async () => {
    await ingest.stop();
    vi.useRealTimers();
  });

  it('stores the flows again when nobody knows whether they were', async () => {
    const commit = vi.spyOn(store, 'commit').mockRejectedValueOnce(new BpfleetError('STORE_UNAVAILABLE', 'broke'));
    await vi.advanceTimersByTimeAsync(FLOWS_ARE_OLD_MS);
    expect(commit).toHaveBeenCalledTimes(2);
    expect([store.flows.length, store.flowsNext]).toEqual([1, 1n]);
  });
  it('reads again at once after that, and not before long when another one has taken it over', async () => {
    const next = [recordOf(section, 1n)];
    const broken = new Promise<void>((resolve) => {
      vi.spyOn(store, 'commit').mockImplementationOnce(async () => {
        resolve();
        throw new BpfleetError('STORE_UNAVAILABLE', 'broke');
      });
    });
    await vi.advanceTimersByTimeAsync(flowLimits.ageMs);
    await broken;
    await vi.advanceTimersByTimeAsync(0);
    await expect(ingest.read(partition, next, signal)).rejects.toMatchObject({ code: 'POSITION_UNKNOWN' });
    await ingest.assigned(partition);
    expect(await ingest.read(partition, next, signal)).toBe(2n);

    await store.takePosition('log', 3);
    await vi.advanceTimersByTimeAsync(FLOWS_ARE_OLD_MS);
    await expect(ingest.read(partition, next, signal)).rejects.toMatchObject({ code: 'FENCED' });
  });
  it('is not fenced off by itself where it takes the partition for both', async () => {
    let failed: () => void = () => undefined;
    const broken = new Promise<void>((resolve) => {
      failed = resolve;
    });
    vi.spyOn(store, 'commit').mockImplementationOnce(async () => {
      failed();
      throw new BpfleetError('STORE_UNAVAILABLE', 'broke');
    });
    const take = store.takePosition.bind(store);
    let answer: () => void = () => undefined;
    const isSlow = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const takes = vi.spyOn(store, 'takePosition').mockImplementationOnce(async (...args) => {
      await isSlow;
      return take(...args);
    });
    await vi.advanceTimersByTimeAsync(flowLimits.ageMs);
    await broken;
    await vi.advanceTimersByTimeAsync(2 * STORE_FLOWS_EVERY_MS);
    expect(takes).toHaveBeenCalledTimes(1);
    const assigned = ingest.assigned(partition);
    await vi.advanceTimersByTimeAsync(0);
    answer();
    await assigned;
    await vi.advanceTimersByTimeAsync(0);
    expect(await ingest.read(partition, [recordOf(section, 1n)], signal)).toBe(2n);
  });
  it('leaves them to the one that has taken it over', async () => {
    await store.takePosition('log', 3);
    const take = vi.spyOn(store, 'takePosition');
    await vi.advanceTimersByTimeAsync(FLOWS_ARE_OLD_MS);
    expect([store.flows.length, take.mock.calls.length]).toEqual([0, 0]);
  });
  it('writes down what the log gave up', async () => {
    bounds = { first: 7n, end: 7n };
    await vi.advanceTimersByTimeAsync(2 * MEASURE_LAG_EVERY_MS);
    expect(store.losses).toMatchObject([{ firstOffset: 1n, endOffset: 7n, reason: 'retention' }]);
    expect(store.next).toBe(7n);
  });
});
