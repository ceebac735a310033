import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, BusRecord, Consumer, Producer } from '../bus.js';
import { FakeIngest, FakeStore } from './ingest-fake.js';

/** One implementation under test, with what only the test side can do to its log. */
export interface BusUnderTest {
  readonly bus: Bus;
  /** A topic name that was not used before. */
  readonly topic: string;
  /** Forgets records before `offset`, as retention does. */
  trim(partition: number, offset: bigint): Promise<void>;
  /** The log is gone and an empty one is in its place; answers the bus to go on with. */
  replaceLog(partitions: number): Promise<Bus>;
  close(): Promise<void>;
}

const sendTimeoutMs = 20_000;

/** What every `Bus` must do; read downwards, it explains the interface. */
export function describeBus(name: string, open: () => Promise<BusUnderTest>): void {
  describe(name, () => {
    let test: BusUnderTest;
    let store: FakeStore;
    let producer: Producer;
    let errors: unknown[];
    let started: Consumer[];

    beforeEach(async () => {
      test = await open();
      store = new FakeStore();
      errors = [];
      started = [];
      producer = test.bus.producer();
      await producer.start();
    });
    afterEach(async () => {
      await Promise.all(started.map((consumer) => consumer.stop()));
      await producer.stop();
      await test.close();
    });

    const consume = async (handler: FakeIngest, bus = test.bus, topic = test.topic): Promise<Consumer> => {
      const consumer = bus.consumer({ topic, group: topic, handler, onError: (error) => errors.push(error) });
      await consumer.start();
      started.push(consumer);
      return consumer;
    };
    const send = (values: readonly string[], key = 'host-1') =>
      producer.send(
        test.topic,
        values.map((value) => record(key, value)),
        sendTimeoutMs,
      );

    it('hands records over in the order they were sent, from offset 0 on', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const ingest = new FakeIngest('a', store);
      await consume(ingest);
      await Promise.all([send(['1', '2']), send(['3'])]);
      await send(['4', '5']);
      await store.until(() => store.rows.length >= 5);
      expect(store.values).toEqual(['1', '2', '3', '4', '5']);
      expect(store.rows.map((row) => row.offset)).toEqual([0n, 1n, 2n, 3n, 4n]);
      expect(ingest.violation).toBeUndefined();
      expect(errors).toEqual([]);
    });

    it('keeps keys, headers and binary values byte for byte', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      await consume(new FakeIngest('a', store));
      const value = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 7919) % 256);
      const sent = { key: 'häuschen/1', value, headers: { agent: 'host-1', 'ts-min': '170', naïve: 'ü→', empty: '' } };
      const before = Date.now();
      await producer.send(test.topic, [sent, { ...record('häuschen/1', ''), headers: {} }], sendTimeoutMs);
      await store.until(() => store.rows.length >= 2);
      const [first, second] = store.rows;
      expect(first).toMatchObject({ key: sent.key, headers: sent.headers });
      expect(Buffer.compare(first!.value, value)).toBe(0);
      expect(second).toMatchObject({ headers: {} });
      expect(second?.value).toHaveLength(0);
      expect(Math.abs((first?.timestampMs ?? 0) - before)).toBeLessThan(60_000);
    });

    it('keeps one key in one partition, and spreads keys', async () => {
      await test.bus.ensureTopic(test.topic, 4);
      await consume(new FakeIngest('a', store));
      const keys = Array.from({ length: 40 }, (_, index) => `host-${index % 20}`);
      await producer.send(
        test.topic,
        keys.map((key, index) => record(key, String(index))),
        sendTimeoutMs,
      );
      await store.until(() => store.rows.length >= 40);
      expect(store.rows).toHaveLength(40);
      const partitionsOf = (key: string) =>
        new Set(store.rows.filter((row) => row.key === key).map((r) => r.partition));
      expect(keys.every((key) => partitionsOf(key).size === 1)).toBe(true);
      expect(new Set(store.rows.map((row) => row.partition)).size).toBeGreaterThan(1);
    });

    it('goes on at the offset the handler has stored after a restart', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const first = await consume(new FakeIngest('a', store));
      await send(['1', '2', '3']);
      await store.until(() => store.rows.length >= 3);
      await first.stop();
      const again = new FakeIngest('b', store);
      await consume(again);
      await send(['4']);
      await store.until(() => store.rows.length >= 4);
      expect(again.assignments[0]).toEqual({ partition: 0, from: 3n });
      expect(store.values).toEqual(['1', '2', '3', '4']);
    });

    it('reads again from an earlier offset when the handler answers one', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const ingest = new FakeIngest('a', store);
      const calls: bigint[] = [];
      let refused = false;
      ingest.read = async (_log, records) => {
        calls.push(...records.map(({ offset }) => offset));
        store.changed.changed();
        if (refused) return records.at(-1)!.offset + 1n;
        refused = true;
        return 0n;
      };
      await consume(ingest);
      await send(['1', '2']);
      await store.until(() => calls.length >= 4);
      expect(calls).toEqual([0n, 1n, 0n, 1n]);
      expect(ingest.assignments).toHaveLength(1);
    });

    it('assigns anew and delivers again what a handler rejected', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const ingest = new FakeIngest('a', store);
      let failures = 2;
      ingest.beforeStore = async () => {
        if (failures-- > 0) throw new Error('the database is away');
      };
      await consume(ingest);
      await send(['1', '2']);
      await store.until(() => store.rows.length >= 2);
      expect(store.values).toEqual(['1', '2']);
      expect(ingest.assignments.map(({ from }) => from)).toEqual([0n, 0n, 0n]);
      expect(errors).toHaveLength(2);
      expect(errors[0]).toMatchObject({ message: 'the database is away' });
    });

    it('asks for the position again when that failed', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const ingest = new FakeIngest('a', store);
      const assigned = ingest.assigned.bind(ingest);
      let failures = 2;
      ingest.assigned = async (log) => {
        if (failures-- > 0) throw new Error('the database is away');
        return assigned(log);
      };
      await consume(ingest);
      await send(['1']);
      await store.until(() => store.rows.length >= 1);
      expect(errors).toHaveLength(2);
    });

    it('shares the partitions of a group, and gives a leaving consumer’s to the others', async () => {
      await test.bus.ensureTopic(test.topic, 4);
      const [a, b] = [new FakeIngest('a', store), new FakeIngest('b', store)];
      const first = await consume(a);
      await store.until(() => a.held.size === 4);
      await consume(b);
      await store.until(() => a.held.size === 2 && b.held.size === 2);
      expect([...a.held, ...b.held].toSorted()).toEqual([0, 1, 2, 3]);

      const hosts = Array.from({ length: 16 }, (_, index) => `host-${index}`);
      const round = (number: number) =>
        producer.send(
          test.topic,
          hosts.map((host) => record(host, `${host} ${number}`)),
          sendTimeoutMs,
        );
      await round(1);
      await store.until(() => store.rows.length >= 16);
      expect(new Set(store.rows.map((row) => row.by))).toEqual(new Set(['a', 'b']));

      await first.stop();
      await store.until(() => b.held.size === 4);
      expect(a.held.size).toBe(0);
      await round(2);
      await store.until(() => store.rows.length >= 32);
      expect(new Set(store.values).size).toBe(32);
      expect([a.violation, b.violation]).toEqual([undefined, undefined]);
    });

    it('loses and doubles nothing while consumers come and go', async () => {
      await test.bus.ensureTopic(test.topic, 4);
      const ingests: FakeIngest[] = [];
      const members: Consumer[] = [];
      const join = async () => {
        const ingest = new FakeIngest(String(ingests.length), store);
        // Long enough that members leave and join in the middle of it.
        ingest.beforeStore = () => new Promise((resolve) => setImmediate(resolve));
        ingests.push(ingest);
        members.push(await consume(ingest));
      };
      await join();
      for (let round = 0; round < 8; round += 1) {
        const sent = producer.send(
          test.topic,
          Array.from({ length: 50 }, (_, at) => record(`host-${at % 10}`, `${round}/${at}`)),
          sendTimeoutMs,
        );
        if (round % 3 === 2) await members.shift()?.stop();
        else await join();
        await sent;
      }
      await store.until(() => store.rows.length >= 400);
      expect(new Set(store.values).size).toBe(400);
      expect(store.rows).toHaveLength(400);
      expect(ingests.map(({ violation }) => violation).filter(Boolean)).toEqual([]);
    });

    it('lets no call of the old and the new owner overlap, and tells the old one to hurry', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const a = new FakeIngest('a', store);
      let interrupted = false;
      let reading = false;
      a.beforeStore = async (_records, signal) => {
        reading = true;
        store.changed.changed();
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        interrupted = true;
        throw new Error('interrupted');
      };
      const first = await consume(a);
      const sent = send(['1']);
      await store.until(() => reading);
      const b = new FakeIngest('b', store);
      await Promise.all([consume(b), first.stop()]);
      await store.until(() => store.rows.length >= 1);
      await sent;
      expect(interrupted).toBe(true);
      expect(a.held.size).toBe(0);
      expect(store.rows[0]?.by).toBe('b');
    });

    it('shows through bounds() that retention has overtaken the reader', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const first = await consume(new FakeIngest('a', store));
      await send(['1', '2']);
      await store.until(() => store.rows.length >= 2);
      await first.stop();
      // Not awaited: in process a send is done when it was read, and these are not.
      const unread = ['3', '4', '5', '6'].map((value) => send([value]));
      void Promise.allSettled(unread);
      await test.bus.ensureTopic(test.topic, 1);
      await endIs(6n);
      await test.trim(0, 4n);
      await consume(new FakeIngest('b', store));
      await store.until(() => store.rows.length >= 4);
      expect(store.values).toEqual(['1', '2', '5', '6']);
      expect(store.losses).toEqual([{ from: 2n, until: 4n }]);
    });

    it('assigns anew when retention overtakes a reader that is reading', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const ingest = new FakeIngest('a', store);
      const read = ingest.read.bind(ingest);
      let isOvertaken = false;
      ingest.read = async (...call) => {
        if (isOvertaken) return read(...call);
        await endIs(4n);
        await test.trim(0, 3n);
        isOvertaken = true;
        // Once more from an offset that is gone by then.
        return 0n;
      };
      await consume(ingest);
      const sent = ['1', '2', '3', '4'].map((value) => send([value]));
      void Promise.allSettled(sent);
      await store.until(() => store.rows.length >= 1);
      expect(store.values).toEqual(['4']);
      expect(store.losses).toEqual([{ from: 0n, until: 3n }]);
    });

    it('begins at the first record of a log that was replaced', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const first = await consume(new FakeIngest('a', store));
      await send(['1', '2', '3']);
      await store.until(() => store.rows.length >= 3);
      await first.stop();
      await producer.stop();

      const bus = await test.replaceLog(1);
      producer = bus.producer();
      await producer.start();
      const again = new FakeIngest('b', store);
      await consume(again, bus);
      await send(['x', 'y']);
      await store.until(() => store.rows.length >= 5);
      expect(store.values).toEqual(['1', '2', '3', 'x', 'y']);
      expect(again.assignments[0]).toEqual({ partition: 0, from: 0n });
    });

    it('keeps memory bounded when the consumer is slow', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const ingest = new FakeIngest('a', store);
      await consume(ingest);
      // 24 MiB that do not compress, against a limit of 8 MiB a call.
      const noise = Array.from({ length: 384 }, (_, index) => noiseRecord('host-1', index));
      for (let at = 0; at < noise.length; at += 64) {
        await producer.send(test.topic, noise.slice(at, at + 64), sendTimeoutMs);
      }
      await store.until(() => store.rows.length >= noise.length);
      expect(ingest.maxCallBytes).toBeLessThanOrEqual(8 * 2 ** 20);
      expect(store.rows.every((row, index) => Buffer.compare(row.value, noise[index]!.value) === 0)).toBe(true);
    });

    it('refuses a record over the limit at once, with a code that says: do not retry', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const value = new Uint8Array(2 ** 20 + 1);
      await expect(
        producer.send(test.topic, [{ ...record('host-1', ''), value }], sendTimeoutMs),
      ).rejects.toMatchObject({
        code: 'RECORD_INVALID',
      });
    });

    it('gives up on a topic that nobody made after the timeout', async () => {
      await expect(producer.send(test.topic, [record('host-1', '1')], 300)).rejects.toMatchObject({
        code: 'BUS_TIMEOUT',
      });
    });

    it('may be stopped twice, and refuses to send afterwards', async () => {
      await test.bus.ensureTopic(test.topic, 1);
      const consumer = await consume(new FakeIngest('a', store));
      await Promise.all([consumer.stop(), consumer.stop()]);
      await producer.stop();
      await producer.stop();
      await expect(send(['1'])).rejects.toMatchObject({ code: 'BUS_CLOSED' });
    });

    /** Waits until the log of partition 0 ends at `end`, seen by a handler that never begins to read. */
    async function endIs(end: bigint): Promise<void> {
      const watching = new AbortController();
      const consumer = test.bus.consumer({
        topic: test.topic,
        group: `watch-${test.topic}`,
        handler: {
          assigned: async (log) => {
            if ((await log.bounds()).end === end) watching.abort();
            else throw new Error('not yet');
            return end;
          },
          read: async (_log, records) => records.at(-1)!.offset + 1n,
          revoked: async () => undefined,
        },
        onError: () => undefined,
      });
      await consumer.start();
      await new Promise<void>((resolve) => watching.signal.addEventListener('abort', () => resolve()));
      await consumer.stop();
    }
  });
}

function record(key: string, value: string): BusRecord {
  return { key, value: Buffer.from(value), headers: {} };
}

/** 64 KiB that snappy cannot shrink: a xorshift sequence seeded with the record's number. */
function noiseRecord(key: string, number: number): BusRecord {
  const words = new Uint32Array(16_384);
  let state = number + 1;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return { key, value: new Uint8Array(words.buffer), headers: {} };
}
