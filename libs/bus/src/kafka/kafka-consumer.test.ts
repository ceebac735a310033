import { describe, expect, it, vi } from 'vitest';
import { FakeIngest, FakeStore } from '../contract-tests/ingest-fake.js';
import { KafkaBus } from './kafka-bus.js';

/** Nobody listens there. */
const brokers = ['127.0.0.1:1'];

describe('KafkaBus without a broker', () => {
  it('reports it, tries again with a new client, and leaves nothing behind when stopped', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const logged: object[] = [];
    const logger = { debug: () => undefined, warn: (fields: object) => logged.push(fields) };
    const bus = new KafkaBus({
      ...{ brokers, clientId: 'test', ownId: async () => 'test', logger },
      retryDelay: { firstMs: 1, maxMs: 5 },
    });
    const errors: unknown[] = [];
    const handler = new FakeIngest('a', new FakeStore());
    const consumer = bus.consumer({ topic: 't', group: 'g', handler, onError: (error) => errors.push(error) });
    await consumer.start();
    await vi.waitFor(() => expect(errors.length).toBeGreaterThan(2), 10_000);
    await consumer.stop();
    expect(logged[0]).toMatchObject({ broker: brokers[0] });
    await vi.waitFor(() => expect(timers()).toBeLessThanOrEqual(before), 5_000);
  });

  it('says who did not answer', async () => {
    const producer = new KafkaBus({ brokers, clientId: 'test' }).producer();
    await producer.start();
    const record = { key: 'k', value: new Uint8Array(1), headers: {} };
    await expect(producer.send('t', [record], 300)).rejects.toMatchObject({
      code: 'BUS_TIMEOUT',
      cause: expect.objectContaining({ message: expect.stringContaining(brokers[0]!) }),
    });
    await producer.stop();
  });
});
