import type { BusRecord, Producer } from '@bpfleet/bus';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { ClosedSection } from '../capture/packet-source.js';
import { uplinkMetrics } from './metrics.js';
import { Publisher } from './publisher.js';

/** Answers each send when the test says so. */
class GatedProducer implements Producer {
  readonly sends: { records: readonly BusRecord[]; acknowledge: () => void; refuse: (error: Error) => void }[] = [];
  #arrived: () => void = () => {};

  async start(): Promise<void> {}
  async stop(): Promise<void> {
    for (const { refuse } of this.sends) refuse(new Error('stopped'));
  }
  send(_topic: string, records: readonly BusRecord[]): Promise<void> {
    return new Promise((acknowledge, refuse) => {
      this.sends.push({ records, acknowledge, refuse });
      this.#arrived();
    });
  }
  /** Resolves when the `count`th send has begun. */
  async sent(count: number): Promise<(typeof this.sends)[number]> {
    while (this.sends.length < count) {
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    return this.sends[count - 1]!;
  }
}

const section = (seq: number, sizeBytes = 100): ClosedSection => ({
  seq,
  tsMinNs: 1n,
  tsMaxNs: 2n,
  packets: 3,
  filters: ['web@1'],
  crc32: seq,
  bytes: new Uint8Array(sizeBytes).fill(seq),
});

async function publisher(maxPendingBytes = 1_000_000) {
  const producer = new GatedProducer();
  const options = { agent: 'a', epoch: 7, topic: 'packets.v1', maxPendingBytes, sendTimeoutMs: 1000 };
  const failures: unknown[] = [];
  const started = new Publisher(options, producer, uplinkMetrics(new Registry()), pino({ level: 'silent' }), (error) =>
    failures.push(error),
  );
  await started.start();
  return { publisher: started, producer, failures };
}

describe('Publisher', () => {
  it('has one send under way and puts what waits meanwhile into the next', async () => {
    const { publisher: uplink, producer } = await publisher();
    uplink.publish(section(0));
    const first = await producer.sent(1);
    uplink.publish(section(1));
    uplink.publish(section(2));
    expect(producer.sends).toHaveLength(1);
    first.acknowledge();
    const second = await producer.sent(2);
    expect(second.records.map(({ headers }) => headers.seq)).toEqual(['1', '2']);
    second.acknowledge();
    await uplink.stop();
    expect(uplink.counts.sent).toBe(3);
  });

  it('sends the same bytes again until they are acknowledged', async () => {
    const { publisher: uplink, producer } = await publisher();
    uplink.publish(section(5));
    (await producer.sent(1)).refuse(new Error('away'));
    const again = await producer.sent(2);
    expect(again.records).toEqual(producer.sends[0]!.records);
    again.acknowledge();
    await uplink.stop();
    expect(uplink.counts).toMatchObject({ sent: 1, dropped: 0 });
  });

  it('keeps a send below 900 KiB, but sends a larger section alone', async () => {
    const { publisher: uplink, producer } = await publisher(10_000_000);
    uplink.publish(section(0));
    const first = await producer.sent(1);
    uplink.publish(section(1, 1_000_000));
    uplink.publish(section(2, 500_000));
    uplink.publish(section(3, 500_000));
    first.acknowledge();
    const sizes: number[] = [];
    for (let count = 2; count <= 4; count++) {
      const send = await producer.sent(count);
      sizes.push(send.records.length);
      send.acknowledge();
    }
    expect(sizes).toEqual([1, 1, 1]);
    await uplink.stop();
  });

  it('drops new sections, counted, when too much waits', async () => {
    const { publisher: uplink, producer } = await publisher(250);
    for (let seq = 0; seq < 4; seq++) uplink.publish(section(seq));
    expect(uplink.counts).toEqual({ sent: 0, dropped: 2, packetsDropped: 6 });
    await producer.sent(1);
    await uplink.stop(0);
    expect(uplink.pendingSections).toBe(2);
  });

  it('stops though the bus never answers', async () => {
    const { publisher: uplink, producer } = await publisher();
    uplink.publish(section(0));
    await producer.sent(1);
    await uplink.stop(10);
    expect(uplink.pendingSections).toBe(1);
  });
});
