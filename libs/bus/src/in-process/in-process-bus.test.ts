import { describe, expect, it } from 'vitest';
import type { BusRecord, LogPartition } from '../bus.js';
import { describeBus } from '../contract-tests/bus-contract.js';
import { FakeIngest, FakeStore } from '../contract-tests/ingest-fake.js';
import { InProcessBus } from './in-process-bus.js';

const retryDelay = { firstMs: 2, maxMs: 20 };
const topic = 'packets.v1';

describeBus('InProcessBus', async () => {
  const bus = new InProcessBus({ retryDelay });
  return {
    bus,
    topic,
    trim: async (partition, offset) => bus.trim(topic, partition, offset),
    replaceLog: async (partitions) => {
      const next = new InProcessBus({ retryDelay });
      await next.ensureTopic(topic, partitions);
      return next;
    },
    close: async () => undefined,
  };
});

describe('InProcessBus.send', () => {
  it('resolves only when the consumer has committed', async () => {
    const { bus, ingest, consume } = await oneTopic();
    let storing = (): void => undefined;
    const isStoring = new Promise<void>((resolve) => {
      storing = resolve;
    });
    let commit = (): void => undefined;
    ingest.beforeStore = () => {
      storing();
      return new Promise((resolve) => {
        commit = resolve;
      });
    };
    await consume();
    let isSent = false;
    const sent = bus
      .producer()
      .send(topic, [record('1')], 5_000)
      .then(() => {
        isSent = true;
      });
    await isStoring;
    expect(isSent).toBe(false);
    commit();
    await sent;
    expect(bus.pendingBytes).toBe(0);
  });

  it('times out while nobody consumes; the records stay and are read later', async () => {
    const { bus, store, consume } = await oneTopic();
    await expect(bus.producer().send(topic, [record('1')], 10)).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
    expect(bus.pendingBytes).toBeGreaterThan(0);
    await consume();
    await store.until(() => store.rows.length === 1);
  });

  it('waits for room without growing, and keeps the order of those who wait', async () => {
    const { bus, store, consume } = await oneTopic({ maxPendingBytes: 250 });
    const producer = bus.producer();
    const sizes = [100, 100, 240, 10, 900, 10];
    const sends = sizes.map((size, index) => producer.send(topic, [record(String(index), size)], 5_000));
    await tick();
    expect(bus.pendingBytes).toBeLessThanOrEqual(250);
    await consume();
    await Promise.all(sends);
    expect(store.rows.map((row) => Buffer.from(row.value).toString().trim())).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(bus.pendingBytes).toBe(0);
  });

  it('appends nothing when it gives up before there was room', async () => {
    const { bus, store, consume } = await oneTopic({ maxPendingBytes: 100 });
    const producer = bus.producer();
    const first = producer.send(topic, [record('1', 90)], 5_000);
    await expect(producer.send(topic, [record('2', 90)], 10)).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
    await consume();
    await first;
    await producer.send(topic, [record('3', 90)], 5_000);
    expect(store.rows.map((row) => Buffer.from(row.value).toString().trim())).toEqual(['1', '3']);
  });

  it('keeps its own copy of the bytes', async () => {
    const { bus, store, consume } = await oneTopic();
    const sent = record('1');
    await bus
      .producer()
      .send(topic, [sent], 10)
      .catch(() => undefined);
    sent.value.fill(0);
    await consume();
    await store.until(() => store.rows.length === 1);
    expect(store.values).toEqual(['1']);
  });

  it('is woken by stop, wherever it waits', async () => {
    const { bus } = await oneTopic({ maxPendingBytes: 10 });
    const producer = bus.producer();
    const waiting = [
      producer.send('no-such-topic', [record('1')], 60_000),
      producer.send(topic, [record('for its commit', 50)], 60_000),
      producer.send(topic, [record('for room', 50)], 60_000),
      producer.send(topic, [record('for its turn', 1)], 60_000),
    ];
    await producer.stop();
    for (const { reason } of (await Promise.allSettled(waiting)) as PromiseRejectedResult[]) {
      expect(reason).toMatchObject({ code: 'BUS_CLOSED' });
    }
  });

  it('is done when every group that was ever there has committed', async () => {
    const { bus, store, consume } = await oneTopic();
    await consume();
    const other = new FakeStore();
    const tail = await consume(new FakeIngest('tail', other), 'tail');
    await bus.producer().send(topic, [record('1')], 5_000);
    expect([store.rows.length, other.rows.length]).toEqual([1, 1]);
    await tail.stop();
    await expect(bus.producer().send(topic, [record('2')], 10)).rejects.toMatchObject({ code: 'BUS_TIMEOUT' });
    expect(store.rows).toHaveLength(2);
  });
});

describe('InProcessBus', () => {
  it('is another log at each start', async () => {
    const logIds = new Set<string>();
    for (const _ of [1, 2]) {
      const { ingest, consume, bus } = await oneTopic();
      const seen = new Promise<LogPartition>((resolve) => {
        ingest.assigned = async (log) => {
          resolve(log);
          return 0n;
        };
      });
      await consume();
      logIds.add((await seen).logId);
      expect(await bus.endpoints()).toEqual([]);
    }
    expect(logIds.size).toBe(2);
  });

  it('asks a handler again that answers an offset outside the log, and reports it', async () => {
    const { bus, ingest, store, consume, errors } = await oneTopic();
    const answers = [7n, 7n, 0n];
    ingest.assigned = async () => answers.shift() ?? 0n;
    ingest.held.add(0);
    await consume();
    await bus.producer().send(topic, [record('1')], 5_000);
    expect(store.rows).toHaveLength(1);
    expect(errors).toMatchObject([{ message: 'packets.v1[0] has no offset 7, its log goes on at 0' }]);
  });

  it('refuses to consume a topic that nobody made', async () => {
    const bus = new InProcessBus();
    const handler = new FakeIngest('a', new FakeStore());
    const consumer = bus.consumer({ topic, group: 'ingest', handler, onError: () => undefined });
    await expect(consumer.start()).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

async function oneTopic(options: { maxPendingBytes?: number } = {}) {
  const bus = new InProcessBus({ ...options, retryDelay });
  await bus.ensureTopic(topic, 1);
  const store = new FakeStore();
  const ingest = new FakeIngest('a', store);
  const errors: unknown[] = [];
  const consume = async (handler = ingest, group = 'ingest') => {
    const consumer = bus.consumer({ topic, group, handler, onError: (error) => errors.push(error) });
    await consumer.start();
    return consumer;
  };
  return { bus, store, ingest, errors, consume };
}

/** A record whose value is `text`, padded with blanks to `sizeBytes`; key and headers are empty. */
function record(text: string, sizeBytes = text.length): BusRecord {
  return { key: '', value: new TextEncoder().encode(text.padEnd(sizeBytes)), headers: {} };
}

/** Lets everything run that does not wait for a timer or for I/O. */
function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
