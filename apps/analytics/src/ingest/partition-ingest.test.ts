import type { LogBounds, LogPartition, ReceivedRecord } from '@bpfleet/bus';
import { BpfleetError } from '@bpfleet/errors';
import { createLogger, Registry } from '@bpfleet/service';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakePositions } from '../testing/fake-positions.js';
import { makeSection, NOW_MS, NOW_NS, recordOf } from '../testing/sections.js';
import { ingestMetrics } from './metrics.js';
import { type IngestParts, PartitionIngest } from './partition-ingest.js';

const { value, header } = makeSection({ agent: 'host-1', epoch: 1, seq: 0, filter: 'web@3', atNs: [NOW_NS] });
const records = (...offsets: number[]): ReceivedRecord[] =>
  offsets.map((offset) => recordOf({ value, header: { ...header, seq: offset } }, BigInt(offset)));
const fromTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

let store: FakePositions;
let bounds: LogBounds;
const partition: LogPartition = { logId: 'log', topic: 'packets.v1', partition: 3, bounds: async () => bounds };
const { signal } = new AbortController();
let registry: Registry;
const take = () => {
  registry = new Registry();
  return PartitionIngest.take(partition, 'me', {
    store,
    metrics: ingestMetrics(registry),
    logger: createLogger({ name: 'test', level: 'silent' }),
    nowMs: () => nowMs,
    signatures,
  });
};
let nowMs: number;

let prepared: number[];
let signatures: IngestParts['signatures'];

beforeEach(() => {
  nowMs = NOW_MS;
  prepared = [];
  signatures = {
    prepare: async (headers) => void prepared.push(headers.length),
    judge: () => ({ sessionKey: undefined }),
  };
  store = new FakePositions();
  bounds = { first: 0n, end: 1000n };
});

describe('PartitionIngest', () => {
  it('goes on where Postgres says', async () => {
    store.next = 7n;
    expect((await take()).next).toBe(7n);
    expect(store.commits).toEqual([]);
  });
  it('commits what is delivered and says where to go on', async () => {
    const ingest = await take();
    expect(await ingest.read(records(0, 1, 2), signal)).toBe(3n);
    expect(await ingest.read(records(3), signal)).toBe(4n);
    expect(store.next).toBe(4n);
    expect(store.offsets).toEqual([0n, 1n, 2n, 3n]);
  });
  it('splits a large delivery into several transactions', async () => {
    const ingest = await take();
    expect(await ingest.read(records(...fromTo(0, 60)), signal)).toBe(60n);
    expect(store.commits.map(({ sections }) => sections.length)).toEqual([25, 25, 10]);
  });
  it('asks for the keys of each transaction before it judges', async () => {
    signatures = {
      ...signatures,
      judge: () => (prepared.length > 0 ? { reason: 'unknown-key', detail: 'x' } : { sessionKey: undefined }),
    };
    await (await take()).read(records(...fromTo(0, 30)), signal);
    expect(prepared).toEqual([25, 5]);
    expect(store.commits.map(({ quarantined }) => quarantined.length)).toEqual([25, 5]);
  });
  it('judges nothing whose keys it could not ask for because it stops', async () => {
    const stopping = new AbortController();
    signatures = { ...signatures, prepare: async () => stopping.abort() };
    expect(await (await take()).read(records(0), stopping.signal)).toBe(0n);
    expect(store.commits).toEqual([]);
  });
  it('stops between transactions when it is told to', async () => {
    const ingest = await take();
    const stopping = new AbortController();
    const commit = store.commit.bind(store);
    store.commit = (batch) => {
      stopping.abort();
      return commit(batch);
    };
    expect(await ingest.read(records(...fromTo(0, 60)), stopping.signal)).toBe(25n);
  });
  it('skips what a redelivery repeats', async () => {
    store.next = 2n;
    const ingest = await take();
    expect(await ingest.read(records(0, 1), signal)).toBe(2n);
    expect(await ingest.read(records(1, 2, 3), signal)).toBe(4n);
    expect(store.offsets).toEqual([2n, 3n]);
  });

  describe('at a gap', () => {
    it('stores what comes before it and reads again', async () => {
      const ingest = await take();
      expect(await ingest.read(records(0, 1, 5, 6), signal)).toBe(2n);
      expect(store.offsets).toEqual([0n, 1n]);
      expect(await ingest.read(records(2, 3, 4, 5), signal)).toBe(6n);
      expect(store.losses).toEqual([]);
    });
    it('goes on behind it when the log gives the same answer twice', async () => {
      const ingest = await take();
      expect(await ingest.read(records(5, 6), signal)).toBe(0n);
      expect(await ingest.read(records(5, 6), signal)).toBe(7n);
      expect(store.offsets).toEqual([5n, 6n]);
      expect(store.losses).toEqual([]);
      expect(store.next).toBe(7n);
    });
    it('writes down exactly what retention took', async () => {
      const ingest = await take();
      await ingest.read(records(0), signal);
      bounds = { first: 5n, end: 1000n };
      expect(await ingest.read(records(5, 6), signal)).toBe(7n);
      expect(store.losses).toMatchObject([{ firstOffset: 1n, endOffset: 5n, reason: 'retention' }]);
      expect(await registry.metrics()).toContain('lost_offsets_total 4');
      expect(store.offsets).toEqual([0n, 5n, 6n]);
    });
    it('reads again what the log still has of it', async () => {
      const ingest = await take();
      bounds = { first: 3n, end: 1000n };
      expect(await ingest.read(records(5, 6), signal)).toBe(3n);
      expect(store.losses).toMatchObject([{ firstOffset: 0n, endOffset: 3n }]);
      expect(await ingest.read(records(3, 4, 5, 6), signal)).toBe(7n);
      expect(store.offsets).toEqual([3n, 4n, 5n, 6n]);
    });
  });

  describe('over a batch that cannot be decoded', () => {
    const unreadable = (first: number, last: number): ReceivedRecord => ({
      ...{ offset: BigInt(last), key: '', value: new Uint8Array(0), headers: {}, timestampMs: 0 },
      unreadable: { first: BigInt(first), reason: 'no such codec' },
    });
    const delivered = () => [...records(0, 1), unreadable(2, 4), ...records(5)];

    it('reads it three times, and then goes on with a loss row of its offsets', async () => {
      const ingest = await take();
      for (const next of [2n, 2n, 6n]) expect(await ingest.read(delivered(), signal)).toBe(next);
      expect(store.losses).toMatchObject([
        { firstOffset: 2n, endOffset: 5n, reason: 'unreadable', detail: 'no such codec' },
      ]);
      expect(store.offsets).toEqual([0n, 1n, 5n]);
    });
    it('stores what is readable the next time', async () => {
      const ingest = await take();
      expect(await ingest.read(delivered(), signal)).toBe(2n);
      expect(await ingest.read(records(2, 3, 4, 5), signal)).toBe(6n);
      expect(store.losses).toEqual([]);
      expect(store.offsets).toEqual([0n, 1n, 2n, 3n, 4n, 5n]);
    });
    it('begins to count anew with the next one', async () => {
      const ingest = await take();
      for (let time = 0; time < 3; time++) await ingest.read([unreadable(0, 1)], signal);
      expect(await ingest.read([unreadable(2, 2)], signal)).toBe(2n);
      expect(store.losses).toHaveLength(1);
    });
    it('gives up only what lies behind the position', async () => {
      store.next = 3n;
      const ingest = await take();
      for (let time = 0; time < 3; time++) await ingest.read(delivered(), signal);
      expect(store.losses).toMatchObject([{ firstOffset: 3n, endOffset: 5n }]);
    });
    it('closes the gap before it first', async () => {
      const ingest = await take();
      for (const next of [0n, 1n, 1n, 4n]) {
        expect(await ingest.read([unreadable(1, 3)], signal)).toBe(next);
      }
      expect(store.losses).toMatchObject([{ firstOffset: 1n, endOffset: 4n }]);
    });
  });

  describe('makes flows', () => {
    const packets = () => store.flows.map((flow) => flow.packets);

    it('of five seconds, beside the records that come then', async () => {
      const ingest = await take();
      await ingest.read(records(0, 1), signal);
      nowMs += 4_999;
      await ingest.read(records(2), signal);
      expect(store.flows).toEqual([]);
      nowMs += 1;
      await ingest.read(records(3), signal);
      expect(packets()).toEqual([3]);
      expect([store.next, store.flowsNext]).toEqual([4n, 3n]);
    });
    it('when no record comes', async () => {
      const ingest = await take();
      await ingest.read(records(0, 1), signal);
      await ingest.storeFlows();
      expect(store.flows).toEqual([]);
      nowMs += 5_000;
      await ingest.storeFlows();
      await ingest.storeFlows();
      expect(packets()).toEqual([2]);
      expect([store.next, store.flowsNext, ingest.next]).toEqual([2n, 2n, 2n]);
    });
    it('at once when a clock was set back, and when it is told so', async () => {
      const ingest = await take();
      await ingest.read(records(0), signal);
      nowMs -= 60_000;
      await ingest.storeFlows();
      await ingest.read(records(1), signal);
      await ingest.storeFlows(true);
      expect(packets()).toEqual([1, 1]);
    });
    it('of what a former owner stored and had not done so', async () => {
      await (await take()).read(records(0, 1), signal);
      const ingest = await take();
      await ingest.read(records(2), signal);
      await ingest.storeFlows(true);
      expect(packets()).toEqual([3]);
      expect(store.flowsNext).toBe(3n);
    });
    it('a part at a time where a former owner left much', async () => {
      for (let seq = 0; seq < 12; seq++) {
        const atNs = Array.from({ length: 1000 }, (_, minute) => BigInt(1000 * seq + minute) * 60_000_000_000n);
        const { value: body } = makeSection({ agent: 'host-1', epoch: 1, seq, filter: 'web@3', atNs });
        store.stored.push({ offset: BigInt(seq), agent: 'host-1', body });
      }
      store.next = 12n;
      const ingest = await take();
      expect([store.next, store.flowsNext, store.flows.length]).toEqual([12n, 10n, 10_000]);
      await ingest.storeFlows(true);
      expect([store.next, store.flowsNext, store.flows.length]).toEqual([12n, 12n, 12_000]);
    });
    it('of all sections, also when records wait while a commit of flows fails', async () => {
      const ingest = await take();
      await ingest.read(records(0), signal);
      nowMs += 5_000;
      const commit = store.commit.bind(store);
      store.commit = async () => {
        store.commit = commit;
        throw new BpfleetError('STORE_UNAVAILABLE', 'broke');
      };
      const stored = ingest.storeFlows();
      const read = ingest.read(records(1), signal);
      await expect(stored).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      await expect(read).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect([store.next, store.flowsNext]).toEqual([1n, 0n]);
      await (await take()).storeFlows(true);
      expect([store.flows.length, store.flowsNext]).toEqual([1, 1n]);
    });
    it('not of duplicates, and moves on over what has none', async () => {
      const ingest = await take();
      await ingest.read(records(0), signal);
      await ingest.storeFlows(true);
      await ingest.read([recordOf({ value, header: { ...header, seq: 0 } }, 1n)], signal);
      await ingest.read([recordOf({ value, header: { ...header, seq: 0 } }, 2n)], signal);
      await ingest.storeFlows(true);
      expect(packets()).toEqual([1]);
      expect([store.next, store.flowsNext]).toEqual([3n, 2n]);
    });
    it('of the old log before it reads a new one', async () => {
      const ingest = await take();
      await ingest.read(records(0, 1, 2), signal);
      bounds = { first: 0n, end: 2n };
      await ingest.read(records(0, 1), signal);
      expect(packets()).toEqual([3]);
      expect([store.next, store.flowsNext]).toEqual([0n, 0n]);
    });
    it('does not read again what is behind an empty gap', async () => {
      const ingest = await take();
      await ingest.read(records(0), signal);
      await ingest.read(records(5), signal);
      const reading = ingest.read(records(5), signal);
      await ingest.storeFlows(true);
      expect([await reading, ingest.next]).toEqual([6n, 6n]);
    });
  });

  it('starts at the first offset of a log that was trimmed past the position', async () => {
    store.next = 10n;
    bounds = { first: 15n, end: 20n };
    expect((await take()).next).toBe(15n);
    expect(store.losses).toMatchObject([{ firstOffset: 10n, endOffset: 15n, reason: 'retention' }]);
  });
  it('starts at the first offset of a log that was replaced by a shorter one', async () => {
    store.next = 100n;
    bounds = { first: 2n, end: 20n };
    const ingest = await take();
    expect(ingest.next).toBe(2n);
    expect(store.losses).toMatchObject([{ firstOffset: 100n, endOffset: 100n, reason: 'log-replaced' }]);
    expect(await ingest.read(records(2, 3), signal)).toBe(4n);
  });
  it('notices a replaced log while it reads', async () => {
    store.next = 100n;
    const ingest = await take();
    bounds = { first: 0n, end: 2n };
    expect(await ingest.read(records(0, 1), signal)).toBe(0n);
    expect(store.losses).toMatchObject([{ reason: 'log-replaced' }]);
  });
  it('comes back into a log that gave up all behind the position, when no record follows', async () => {
    store.next = 10n;
    const ingest = await take();
    bounds = { first: 15n, end: 15n };
    await ingest.keepWithin(bounds);
    // What was fetched before may still come.
    expect(store.losses).toEqual([]);
    await ingest.keepWithin(bounds);
    expect(ingest.next).toBe(15n);
    expect(store.losses).toMatchObject([{ firstOffset: 10n, endOffset: 15n, reason: 'retention' }]);
    await ingest.keepWithin(bounds);
    expect(store.losses).toHaveLength(1);
  });
  it('gives up nothing that is read meanwhile', async () => {
    store.next = 10n;
    const ingest = await take();
    bounds = { first: 12n, end: 12n };
    await ingest.keepWithin(bounds);
    await Promise.all([ingest.read(records(10, 11), signal), ingest.keepWithin(bounds)]);
    await ingest.keepWithin(bounds);
    expect([store.offsets, store.losses]).toEqual([[10n, 11n], []]);
  });
  it('comes back into a log that was replaced by an empty one', async () => {
    store.next = 10n;
    const ingest = await take();
    bounds = { first: 0n, end: 0n };
    await ingest.keepWithin(bounds);
    await ingest.keepWithin(bounds);
    expect(ingest.next).toBe(0n);
    expect(store.losses).toMatchObject([{ reason: 'log-replaced' }]);
  });
  describe('begins one record before the position, and', () => {
    beforeEach(async () => {
      await (await take()).read(records(0, 1, 2), signal);
    });
    const producedAt = (offset: number, timestampMs: number) => ({ ...records(offset)[0]!, timestampMs });

    it('goes on behind it where it is the one that was stored', async () => {
      const ingest = await take();
      expect([ingest.next, ingest.readFrom]).toEqual([3n, 2n]);
      expect(await ingest.read(records(2, 3), signal)).toBe(4n);
      expect([store.offsets, store.losses]).toEqual([[0n, 1n, 2n, 3n], []]);
      expect(ingest.readFrom).toBe(4n);
    });
    it('begins anew where it is another one: a longer log has taken the place of the one that was read', async () => {
      bounds = { first: 1n, end: 9n };
      const ingest = await take();
      expect(await ingest.read([producedAt(2, NOW_MS + 1), ...records(3)], signal)).toBe(1n);
      expect(store.losses).toMatchObject([{ firstOffset: 3n, endOffset: 3n, reason: 'log-replaced' }]);
      expect(ingest.readFrom).toBe(1n);
    });
    it('asks no record that follows', async () => {
      const ingest = await take();
      await ingest.read(records(2), signal);
      expect(await ingest.read([producedAt(2, NOW_MS + 1), ...records(3)], signal)).toBe(4n);
      expect(store.losses).toEqual([]);
    });
    it('does not do so where the log gave it up, or nobody knows what was there', async () => {
      bounds = { first: 3n, end: 9n };
      expect((await take()).readFrom).toBe(3n);
      bounds = { first: 5n, end: 9n };
      expect((await take()).readFrom).toBe(5n);
      bounds = { first: 0n, end: 9n };
      expect((await take()).readFrom).toBe(5n);
    });
  });
  it('is fenced when another consumer has taken the partition', async () => {
    const ingest = await take();
    await take();
    await expect(ingest.read(records(0), signal)).rejects.toMatchObject({ code: 'FENCED' });
    expect(store.commits).toEqual([]);
  });
});
