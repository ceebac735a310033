import { isSectionSignature, type SectionSignature } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { nodeCrypto, PrivateKey } from '@bpfleet/service';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GatedProducer, seqsIn } from '../spool/contract-tests/gated-producer.js';
import { aHeader, aSection, systemError } from '../spool/contract-tests/records.js';
import { MemoryStore } from '../spool/memory-store.js';
import type { SessionKey } from '../spool/session-key-file.js';
import { type SenderMetrics, senderMetrics, storeMetrics } from './metrics.js';
import { Sender } from './sender.js';

const EPOCH = 100;
const session: SessionKey = { key: PrivateKey.generate(), delegation: 'delegation of 100' };

let keys: Map<number, SessionKey>;
let disk: MemoryStore;
let memory: MemoryStore;
let producer: GatedProducer;
let metrics: SenderMetrics;
let registry: Registry;
let failures: unknown[];
let unsigned: number[];
let done: number;
let sender: Sender;

beforeEach(async () => {
  keys = new Map([[EPOCH, session]]);
  disk = new MemoryStore(1e9);
  memory = new MemoryStore(1e9);
  producer = new GatedProducer();
  registry = new Registry();
  metrics = senderMetrics(registry);
  failures = [];
  unsigned = [];
  done = 0;
  sender = new Sender(
    {
      topic: 'packets.v1',
      sendTimeoutMs: 1000,
      keyOf: (epoch) => keys.get(epoch),
      clock: { boot: 1, nowMs: () => 3000 },
      onUnsigned: ({ seq }) => unsigned.push(seq),
      onDone: async () => {
        done++;
      },
    },
    [disk, memory],
    producer,
    metrics,
    pino({ level: 'silent' }),
    (error) => failures.push(error),
  );
  await sender.start();
});
afterEach(async () => {
  await Promise.all([sender.stop(0), vi.isFakeTimers() && vi.advanceTimersByTimeAsync(1)]);
  vi.useRealTimers();
  expect(failures).toEqual([]);
});

function add(seq: number, { to = disk, bytes = 100, epoch = EPOCH } = {}): void {
  const section = aSection(seq, bytes);
  to.add({ header: aHeader(seq, section, { epoch }), bytes: section });
  sender.wake();
}

const figure = async (name: string): Promise<number | undefined> =>
  (await registry.getSingleMetric(`bpfleet_agent_sender_${name}`)!.get()).values[0]?.value;

describe('Sender', () => {
  it('has one send under way and puts what waits meanwhile into the next', async () => {
    add(0);
    const first = await producer.sent(1);
    add(1);
    add(2);
    first.acknowledge();
    const second = await producer.sent(2);
    expect(seqsIn(second.records)).toEqual([1, 2]);
    second.acknowledge();
    await sender.stop();
    expect(producer.mostAtOnce).toBe(1);
    expect(disk.counts).toMatchObject({ waiting: { sections: 0 }, evicted: { sections: 0 } });
  });

  it('sends no more bytes a second than it may, and then what is due', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    sender.bytesPerSecond = 10_000;
    add(0, { bytes: 20_000 });
    (await producer.sent(1)).acknowledge();
    add(1, { bytes: 1_000_000 });
    await vi.advanceTimersByTimeAsync(1_900);
    expect(producer.sends).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(seqsIn((await producer.sent(2)).records)).toEqual([1]);
  });

  it('sends the very same records again until they are acknowledged', async () => {
    vi.useFakeTimers();
    add(5);
    (await producer.sent(1)).refuse(new Error('away'));
    add(6);
    await vi.advanceTimersByTimeAsync(300);
    const again = await producer.sent(2);
    expect(again.records).toBe(producer.sends[0]!.records);
    expect(sender.isOnline).toBe(false);
    again.acknowledge();
    (await producer.sent(3)).acknowledge();
    await sender.stop();
    expect(sender.isOnline).toBe(true);
    expect(await figure('failures_total')).toBe(1);
  });

  it('says how long the longest send took, also of those that nobody acknowledged', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    add(0);
    const first = await producer.sent(1);
    await vi.advanceTimersByTimeAsync(2_000);
    first.refuse(new Error('no answer'));
    await vi.advanceTimersByTimeAsync(300);
    (await producer.sent(2)).acknowledge();
    await sender.stop();
    expect(await figure('longest_send_seconds')).toBeCloseTo(2, 1);
  });

  it('waits longer after each failure, up to five seconds', async () => {
    vi.useFakeTimers();
    const at: number[] = [];
    producer.answer = ({ refuse }) => {
      at.push(Date.now());
      refuse(new Error('away'));
    };
    add(0);
    await vi.advanceTimersByTimeAsync(30_000);
    const waits = at.slice(1).map((time, index) => time - at[index]!);
    expect(waits.slice(0, 7)).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
  });

  it('signs each section by the key of its epoch, for its place', async () => {
    const other: SessionKey = { key: PrivateKey.generate(), delegation: 'delegation of 99' };
    keys.set(99, other);
    add(7, { epoch: 99 });
    add(0);
    producer.answer = ({ acknowledge }) => acknowledge();
    await sender.stop();
    const all = producer.sends.flatMap(({ records }) => records);
    const places = [
      { agent: 'host-1', epoch: 99, seq: 7, by: other },
      { agent: 'host-1', epoch: EPOCH, seq: 0, by: session },
    ];
    for (const [index, { by, ...place }] of places.entries()) {
      const { headers, value, key } = all[index]!;
      const { sig, key: delegation } = headers as unknown as SectionSignature;
      expect([key, delegation]).toEqual(['host-1', by.delegation]);
      expect(isSectionSignature(sig, place, value, by.key.publicKey, nodeCrypto)).toBe(true);
      expect(headers).toMatchObject({ fmt: '1', epoch: String(place.epoch), seq: String(place.seq), packets: '3' });
    }
  });

  it('keeps a send below 900 KiB, but sends a larger section alone', async () => {
    add(0);
    const first = await producer.sent(1);
    add(1, { bytes: 1_000_000 });
    add(2, { bytes: 500_000 });
    add(3, { bytes: 500_000 });
    first.acknowledge();
    const sizes: number[] = [];
    for (let count = 2; count <= 4; count++) {
      const send = await producer.sent(count);
      sizes.push(send.records.length);
      send.acknowledge();
    }
    expect(sizes).toEqual([1, 1, 1]);
  });

  it('sends by epoch and sequence, whichever store has a section', async () => {
    keys.set(99, session);
    add(0);
    await producer.sent(1);
    add(9, { to: memory, epoch: 99 });
    add(2, { to: memory });
    add(1);
    add(3);
    const seqs: number[] = [];
    for (let count = 1; seqs.length < 5; count++) {
      const send = await producer.sent(count);
      seqs.push(...seqsIn(send.records));
      send.acknowledge();
    }
    // Those of one store that stand together go together.
    expect(seqs).toEqual([0, 9, 2, 1, 3]);
  });

  it('stops when everything is sent', async () => {
    for (let seq = 0; seq < 3; seq++) add(seq);
    producer.answer = ({ acknowledge }) => setTimeout(acknowledge, 5);
    await sender.stop();
    expect(disk.counts.waiting.sections).toBe(0);
  });

  it('stops in time when the bus does not answer, and keeps what it has not acknowledged', async () => {
    add(0);
    await producer.sent(1);
    const start = performance.now();
    await sender.stop(30);
    expect(performance.now() - start).toBeLessThan(500);
    expect(disk.counts.waiting.sections).toBe(1);
  });

  it('stops in time between two tries', async () => {
    producer.answer = ({ refuse }) => refuse(new Error('away'));
    add(0);
    await producer.sent(2);
    const start = performance.now();
    await sender.stop(30);
    expect(performance.now() - start).toBeLessThan(500);
  });

  it('counts what it sent, and how long that waited', async () => {
    add(0, { bytes: 700 });
    (await producer.sent(1)).acknowledge();
    await sender.stop();
    expect([await figure('sections_total'), await figure('packets_total'), await figure('bytes_total')]).toEqual([
      1, 3, 700,
    ]);
    const waits = (await metrics.waitSeconds.get()).values.find(({ metricName }) => metricName?.endsWith('_sum'));
    // Closed at 1000 ms, by the clock that stands at 3000.
    expect(waits?.value).toBe(2);
    expect(done).toBe(1);
  });
});

describe('a Sender with sections that cannot be delivered', () => {
  it('gives up those whose key is lost, and no others', async () => {
    producer.answer = ({ acknowledge }) => acknowledge();
    add(0);
    add(1, { epoch: 98 });
    add(2);
    await sender.stop();
    expect(producer.sends.flatMap(({ records }) => seqsIn(records))).toEqual([0, 2]);
    expect(disk.counts.evicted).toMatchObject({ sections: 1, packets: 3 });
    expect(disk.counts.evictedOf.get(98)).toMatchObject({ sections: 1 });
    expect([unsigned, await figure('sections_unsigned_total')]).toEqual([[1], 1]);
    expect(await figure('sections_total')).toBe(2);
  });

  it('finds the one that the bus refuses, tries it for a minute, and then gives up it alone', async () => {
    vi.useFakeTimers();
    producer.answer = ({ records, acknowledge, refuse }) =>
      seqsIn(records).includes(1) ? refuse(new BpfleetError('RECORD_INVALID', 'too large')) : acknowledge();
    for (let seq = 0; seq < 4; seq++) add(seq);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(disk.counts.evicted.sections).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(disk.counts).toMatchObject({ waiting: { sections: 0 }, evicted: { sections: 1 } });
    expect(await figure('sections_refused_total')).toBe(1);
    expect(await figure('sections_total')).toBe(3);
    add(4);
    add(5);
    await vi.advanceTimersByTimeAsync(0);
    // All others go together again.
    expect(seqsIn(producer.sends.at(-1)!.records)).toEqual([4, 5]);
  });

  it('delivers it when the topic is put right in time', async () => {
    vi.useFakeTimers();
    let isWrong = true;
    producer.answer = ({ acknowledge, refuse }) =>
      isWrong ? refuse(new BpfleetError('RECORD_INVALID', 'too large')) : acknowledge();
    add(0);
    add(1);
    await vi.advanceTimersByTimeAsync(20_000);
    isWrong = false;
    await vi.advanceTimersByTimeAsync(20_000);
    expect(disk.counts).toMatchObject({ waiting: { sections: 0 }, evicted: { sections: 0 } });
  });
});

describe('a Sender with a store that fails', () => {
  it('goes on when the store works again', async () => {
    vi.useFakeTimers();
    const take = vi.spyOn(disk, 'take').mockRejectedValueOnce(systemError('EMFILE'));
    add(0);
    await vi.advanceTimersByTimeAsync(6000);
    (await producer.sent(1)).acknowledge();
    await vi.advanceTimersByTimeAsync(0);
    expect(disk.counts.waiting.sections).toBe(0);
    expect(take).toHaveBeenCalledTimes(2);
    expect(await figure('store_failures_total')).toBe(1);
  });

  it('ends with what is no failure of the machine', async () => {
    const bug = new TypeError('undefined is not a function');
    vi.spyOn(disk, 'take').mockRejectedValueOnce(bug);
    add(0);
    await vi.waitFor(() => expect(failures).toEqual([bug]));
    failures.length = 0;
  });

  it('looks at the stores while the bus does not answer, and between two tries', async () => {
    vi.useFakeTimers();
    const refresh = vi.spyOn(disk, 'refresh');
    add(0);
    const send = await producer.sent(1);
    refresh.mockClear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(refresh.mock.calls.length).toBeGreaterThan(30);
    producer.answer = ({ refuse }) => refuse(new Error('away'));
    send.refuse(new Error('away'));
    refresh.mockClear();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(refresh.mock.calls.length).toBeGreaterThan(30);
  });

  it('does not mind that the looking fails meanwhile', async () => {
    vi.useFakeTimers();
    add(0);
    const send = await producer.sent(1);
    vi.spyOn(disk, 'refresh').mockRejectedValueOnce(systemError('EIO'));
    await vi.advanceTimersByTimeAsync(1000);
    send.acknowledge();
    await vi.advanceTimersByTimeAsync(0);
    expect(disk.counts.waiting.sections).toBe(0);
  });
});

describe('storeMetrics', () => {
  it('tells what each store holds when it is asked', async () => {
    storeMetrics(registry, () => [disk.counts, memory.counts]);
    producer.answer = () => undefined;
    add(0, { bytes: 200 });
    add(1, { to: memory, bytes: 300 });
    const { values } = await registry.getSingleMetric('bpfleet_agent_spool_waiting_bytes')!.get();
    expect(values.map(({ labels, value }) => [labels.store, value])).toEqual([
      ['disk', 200],
      ['memory', 300],
    ]);
  });
});
