import { canStartKafka, startOwnKafka, type TestKafka } from '@bpfleet/test-environment';
import { suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { BusRecord } from '../bus.js';
import { FakeIngest, FakeStore } from '../contract-tests/ingest-fake.js';
import { KafkaBus } from './kafka-bus.js';

suiteRequires('KafkaBus, when the broker fails', { broker: await canStartKafka() }, () => {
  let kafka: Required<TestKafka>;
  let bus: KafkaBus;
  let topic: string;
  let number = 0;

  beforeAll(async () => {
    const started = await startOwnKafka();
    if ('unavailable' in started) throw new Error(started.unavailable);
    kafka = started;
    bus = new KafkaBus({
      brokers: kafka.brokers,
      clientId: 'fault-test',
      ownId: async () => 'test',
      requestTimeoutMs: 2_000,
      sessionTimeoutMs: 2_000,
      retryDelay: { firstMs: 20, maxMs: 500 },
    });
  });
  afterAll(() => kafka?.stop());
  beforeEach(async () => {
    topic = `faults-${++number}`;
    await bus.ensureTopic(topic, 1);
  });

  it('gives a send its deadline while the broker hangs, and sends again when it is back', async () => {
    const producer = bus.producer();
    await producer.send(topic, [record('before')], 10_000);
    await kafka.control.pause();
    try {
      const { error, tookMs } = await timed(() => producer.send(topic, [record('lost?')], 1_000));
      expect(error).toMatchObject({ code: 'BUS_TIMEOUT' });
      expect(tookMs).toBeLessThan(10_000);
    } finally {
      await kafka.control.resume();
    }
    await producer.send(topic, [record('after')], 20_000);
    await producer.stop();
  });

  it('gives every question its deadline while the broker hangs', async () => {
    await kafka.control.pause();
    try {
      const answers = await Promise.all([timed(() => bus.endpoints()), timed(() => bus.ensureTopic('more', 1))]);
      for (const { error, tookMs } of answers) {
        expect(error).toMatchObject({ code: 'BUS_TIMEOUT' });
        expect(tookMs).toBeLessThan(20_000);
      }
    } finally {
      await kafka.control.resume();
    }
  });

  it('wakes a send that waits for a hanging broker when the producer stops', async () => {
    const producer = bus.producer();
    await producer.send(topic, [record('before')], 10_000);
    await kafka.control.pause();
    try {
      const sent = producer.send(topic, [record('waits')], 60_000);
      const [{ tookMs }, result] = await Promise.all([timed(() => producer.stop()), timed(() => sent)]);
      expect(result.error).toMatchObject({ code: 'BUS_CLOSED' });
      expect(tookMs).toBeLessThan(20_000);
    } finally {
      await kafka.control.resume();
    }
  });

  it('stops a consumer while the broker hangs', async () => {
    const store = new FakeStore();
    const ingest = new FakeIngest('a', store);
    const consumer = bus.consumer({ topic, group: `stop-${topic}`, handler: ingest, onError: () => undefined });
    await consumer.start();
    await store.until(() => ingest.held.size === 1);
    await kafka.control.pause();
    try {
      expect((await timed(() => consumer.stop())).tookMs).toBeLessThan(20_000);
    } finally {
      await kafka.control.resume();
    }
  });

  // A broker takes seconds to start, and many of them on a busy machine.
  it('loses nothing that was acknowledged when the broker is killed, and reads on by itself', {
    timeout: 120_000,
  }, async () => {
    const store = new FakeStore();
    const ingest = new FakeIngest('a', store);
    const errors: unknown[] = [];
    const consumer = bus.consumer({ topic, group: topic, handler: ingest, onError: (error) => errors.push(error) });
    await consumer.start();
    const producer = bus.producer();
    const sendAll = async (from: number, until: number) => {
      // One after the other, as the agent's uplink does, each until it is acknowledged.
      for (let at = from; at < until; at += 1) await producer.send(topic, [record(String(at))], 60_000);
    };
    await sendAll(0, 20);
    await kafka.control.kill();
    const sending = sendAll(20, 60);
    await kafka.control.restart();
    await sending;
    await store.until(() => store.values.includes('59'));
    await Promise.all([consumer.stop(), producer.stop()]);
    // In order of their first arrival; what was sent again may be there twice.
    expect([...new Set(store.values)]).toEqual(Array.from({ length: 60 }, (_, index) => String(index)));
    expect(ingest.violation).toBeUndefined();
  });
});

function record(value: string): BusRecord {
  return { key: 'host-1', value: Buffer.from(value), headers: {} };
}

async function timed(work: () => Promise<unknown>): Promise<{ error: unknown; tookMs: number }> {
  const start = performance.now();
  const error = await work().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, tookMs: performance.now() - start };
}
