import { setTimeout as delay } from 'node:timers/promises';
import { canStartKafka, startOwnKafka, TcpProxy, type TestKafka } from '@bpfleet/test-environment';
import { suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { BusRecord, Producer } from '../bus.js';
import { FakeIngest, FakeStore } from '../contract-tests/ingest-fake.js';
import { RequestTap } from '../contract-tests/request-tap.js';
import { KafkaBus } from './kafka-bus.js';

/** In the long form, `BPFLEET_TEST_ROUNDS=20`: 60 s of resets, 30 s half-open. */
const ROUNDS = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1);
const RESETS_MS = 3_000 * ROUNDS;
const HALF_OPEN_MS = 1_500 * ROUNDS;
/** Design: "no call hangs longer". */
const LONGEST_CALL_MS = 15_000;
const REQUEST_TIMEOUT_MS = 5_000;
const API = { produce: 0, initProducerId: 22 } as const;

suiteRequires('KafkaBus, over a bad network', { broker: await canStartKafka() }, () => {
  let kafka: Required<TestKafka>;
  let proxy: TcpProxy;
  let bus: KafkaBus;
  let topic: string;
  let producer: Producer;
  let number = 0;
  let waited: (ms: number) => void = () => undefined;

  beforeAll(async () => {
    proxy = await TcpProxy.start();
    const settings = { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxy.port}` };
    const started = await startOwnKafka({ settings });
    if ('unavailable' in started) throw new Error(started.unavailable);
    kafka = started;
    proxy.forwardTo(Number(kafka.brokers[0]?.split(':')[1]));
    const brokers = [`127.0.0.1:${proxy.port}`];
    bus = new KafkaBus({
      ...{ brokers, clientId: 'network-test', ownId: async () => 'test', requestTimeoutMs: REQUEST_TIMEOUT_MS },
      consumerWatch: { waited: (ms) => waited(ms) },
    });
  });
  afterAll(async () => {
    await proxy?.stop();
    await kafka?.stop();
  });
  beforeEach(async () => {
    topic = `network-${++number}`;
    await bus.ensureTopic(topic, 1);
    producer = bus.producer();
  });
  afterEach(async () => {
    proxy.onClientBytes = () => undefined;
    proxy.delay(() => 0);
    proxy.thaw();
    await producer.stop();
  });

  /** As the agent sends: one after the other, each the same bytes until it is acknowledged. */
  async function sendUntil(isOver: () => boolean): Promise<Sent> {
    const sent = { records: 0, longestMs: 0, failures: 0 };
    while (!isOver()) {
      const records = [0, 1, 2].map((index) => record(sent.records + index));
      for (let isAcknowledged = false; !isAcknowledged; ) {
        const start = performance.now();
        isAcknowledged = await producer.send(topic, records, LONGEST_CALL_MS).then(
          () => true,
          () => false,
        );
        sent.longestMs = Math.max(sent.longestMs, performance.now() - start);
        if (!isAcknowledged) sent.failures += 1;
      }
      sent.records += records.length;
    }
    return sent;
  }

  /** What is in the log, in the order of its first arrival, and how much of it is there more than once. */
  async function readAll(last: number): Promise<{ values: string[]; repeated: number }> {
    const store = new FakeStore();
    const ingest = new FakeIngest('a', store);
    const consumer = bus.consumer({ topic, group: topic, handler: ingest, onError: () => undefined });
    await consumer.start();
    await store.until(() => store.values.includes(String(last)));
    await consumer.stop();
    expect(ingest.violation).toBeUndefined();
    const values = [...new Set(store.values)];
    return { values, repeated: store.values.length - values.length };
  }

  async function expectAll({ records }: Sent): Promise<void> {
    const { values } = await readAll(records - 1);
    expect(values).toEqual(Array.from({ length: records }, (_, index) => String(index)));
  }

  it('loses nothing when every connection is reset each 300 ms', { timeout: RESETS_MS + 60_000 }, async () => {
    const end = proxy.resetEvery(300);
    const start = performance.now();
    const sent = await sendUntil(() => performance.now() - start > RESETS_MS);
    expect(end()).toBeGreaterThan(RESETS_MS / 600);
    expect(sent.longestMs).toBeLessThan(LONGEST_CALL_MS);
    expect(sent.records).toBeGreaterThan(10 * ROUNDS);
    await expectAll(sent);
  });

  it('gives no call more than its time on half-open connections, and sends on when they are over', {
    timeout: HALF_OPEN_MS + 60_000,
  }, async () => {
    await producer.send(topic, [record(0)], LONGEST_CALL_MS);
    proxy.freeze();
    let isOver = false;
    const sending = sendUntil(() => isOver);
    const questions = Promise.all([timed(() => bus.endpoints()), timed(() => bus.ensureTopic('another', 1))]);
    await delay(HALF_OPEN_MS);
    proxy.thaw();
    const thawedAt = performance.now();
    await producer.send(topic, [record(0)], LONGEST_CALL_MS);
    expect(performance.now() - thawedAt).toBeLessThan(LONGEST_CALL_MS);
    isOver = true;
    const sent = await sending;
    expect(sent.longestMs).toBeLessThan(LONGEST_CALL_MS + 500);
    for (const tookMs of await questions) expect(tookMs).toBeLessThan(LONGEST_CALL_MS);
    await expectAll(sent);
  });

  it('has no call of a consumer wait longer on half-open connections, and reads on when they are over', {
    timeout: 90_000,
  }, async () => {
    const store = new FakeStore();
    const handler = new FakeIngest('a', store);
    const consumer = bus.consumer({ topic, group: topic, handler, onError: () => undefined });
    await producer.send(topic, [record(0)], LONGEST_CALL_MS);
    await consumer.start();
    await store.until(() => store.values.includes('0'));
    let longestMs = 0;
    const givenUp = new Promise<void>((resolve) => {
      waited = (ms) => {
        longestMs = Math.max(longestMs, ms);
        if (ms >= REQUEST_TIMEOUT_MS) resolve();
      };
    });
    proxy.freeze();
    await Promise.all([givenUp, delay(HALF_OPEN_MS)]);
    proxy.thaw();
    await producer.send(topic, [record(1)], LONGEST_CALL_MS);
    await store.until(() => store.values.includes('1'));
    await consumer.stop();
    expect(longestMs).toBeLessThan(LONGEST_CALL_MS);
    expect(store.values).toEqual(['0', '1']);
  });

  it('makes progress over a slow and uneven network', { timeout: 60_000 }, async () => {
    let turn = 0;
    proxy.delay(() => 20 + ((++turn * 37) % 80));
    const start = performance.now();
    const sent = await sendUntil(() => performance.now() - start > 3_000);
    expect(sent).toMatchObject({ failures: 0 });
    expect(sent.records).toBeGreaterThan(10);
    await expectAll(sent);
  });

  it('stops in the middle of a send that hangs', async () => {
    await producer.send(topic, [record(0)], LONGEST_CALL_MS);
    const frozen = new Promise<void>((resolve) => {
      proxy.onClientBytes = () => {
        proxy.freeze();
        resolve();
      };
    });
    const sent = producer.send(topic, [record(1)], LONGEST_CALL_MS);
    const settled = sent.then(
      () => 'acknowledged',
      (error: { code?: string }) => error.code,
    );
    await frozen;
    expect(await timed(() => producer.stop())).toBeLessThan(3_000);
    expect(await settled).toBe('BUS_CLOSED');
  });

  // kafkajs's idempotence gives a batch's sequence number to the next one when a connection breaks (docs: facts on Kafka).
  it('asks for no producer id, so that no broker takes one record for another', async () => {
    const tap = new RequestTap();
    proxy.onClientBytes = (bytes) => tap.take(bytes);
    await producer.send(topic, [record(0), record(1)], LONGEST_CALL_MS);
    expect(tap.apiKeys).toContain(API.produce);
    expect(tap.apiKeys).not.toContain(API.initProducerId);
    await expectAll({ records: 2, longestMs: 0, failures: 0 });
  });
});

interface Sent {
  records: number;
  longestMs: number;
  /** Calls that were given up, and made again. */
  failures: number;
}

function record(value: number): BusRecord {
  return { key: 'host-1', value: Buffer.from(String(value)), headers: {} };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work().catch(() => undefined);
  return performance.now() - start;
}
