import { type Consumer, KafkaBus } from '@bpfleet/bus';
import { decodeRecordHeaders } from '@bpfleet/contract';
import { forEachPacket } from '@bpfleet/section';

/**
 * Reads the agent's topic. A consumer gets a record once all replicas have it, which is when its producer gets the
 * acknowledgement: what is told here is that time, and the way to the consumer on top.
 */
export class Acknowledged {
  packets = 0;
  /** Sections without a signature. */
  unsigned = 0;
  /** Of each packet, from the kernel's time stamp on; kept while it is set. */
  latenciesMs: number[] | undefined;
  readonly #consumer: Consumer;

  constructor(brokers: readonly string[], topic: string, onError: (error: unknown) => void) {
    const bus = new KafkaBus({ brokers, clientId: 'bench-reader', ownId: async () => 'bench' });
    this.#consumer = bus.consumer({
      ...{ topic, group: 'bench', onError },
      handler: {
        assigned: async (partition) => (await partition.bounds()).first,
        revoked: async () => {},
        read: async (_, records) => {
          const nowMs = performance.timeOrigin + performance.now();
          for (const { headers, value } of records) this.#take(headers, value, nowMs);
          return records.at(-1)!.offset + 1n;
        },
      },
    });
  }

  start(): Promise<void> {
    return this.#consumer.start();
  }

  /** Resolves with whether so many packets came in time. */
  async reaches(packets: number, timeoutMs: number): Promise<boolean> {
    for (const deadline = performance.now() + timeoutMs; this.packets < packets; ) {
      if (performance.now() > deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return true;
  }

  stop(): Promise<void> {
    return this.#consumer.stop();
  }

  #take(headers: Readonly<Record<string, string>>, value: Uint8Array, nowMs: number): void {
    const { packets, signature } = decodeRecordHeaders(headers);
    this.packets += packets;
    if (signature === undefined) this.unsigned++;
    const latencies = this.latenciesMs;
    if (latencies === undefined) return;
    forEachPacket(value, ({ atNs }) => {
      latencies.push(nowMs - Number(atNs / 1000n) / 1000);
      return true;
    });
  }
}
