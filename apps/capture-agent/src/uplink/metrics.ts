import type { ConnectionWatch } from '@bpfleet/bus';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Amount } from '../spool/amount.js';
import type { StoreCounts } from '../spool/section-store.js';

/** What the sender did since the process began. */
export const senderMetrics = (registry: Registry) => {
  const registers = [registry];
  const counter = (name: string, help: string) =>
    new Counter({ registers, help, name: `bpfleet_agent_sender_${name}_total` });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ registers, help, buckets, name: `bpfleet_agent_sender_${name}` });
  return {
    sectionsSent: counter('sections', 'Sections acknowledged by the bus.'),
    packetsSent: counter('packets', 'Packets in them.'),
    bytesSent: counter('bytes', 'Their bytes, before compression.'),
    sectionsUnsigned: counter('sections_unsigned', 'Sections given up because the key of their epoch is lost.'),
    sectionsRefused: counter('sections_refused', 'Sections given up because the bus takes none like them.'),
    sendFailures: counter('failures', 'Sends that were not acknowledged and are repeated.'),
    storeFailures: counter('store_failures', 'Times that the spool could not be read or written, and was tried again.'),
    sendSeconds: histogram(
      'send_seconds',
      'How long sends took that were acknowledged.',
      [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    ),
    longestSendSeconds: new Gauge({
      registers,
      help: 'The longest send so far, whether it was acknowledged or not.',
      name: 'bpfleet_agent_sender_longest_send_seconds',
    }),
    waitSeconds: histogram(
      'wait_seconds',
      'Time from when a section was closed until the bus had it.',
      [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 1, 5, 30, 300, 3600],
    ),
  };
};
export type SenderMetrics = ReturnType<typeof senderMetrics>;

/** What becomes of the connections to Kafka: on a bad network they are lost, and made again. */
export function connectionMetrics(registry: Registry): ConnectionWatch {
  const counter = (name: string, help: string) =>
    new Counter({ registers: [registry], help, name: `bpfleet_agent_kafka_${name}_total` });
  const connections = counter('connections', 'Connections to brokers that were opened.');
  const givenUp = counter('clients_given_up', 'Clients given up with their connections: failed, or without an answer.');
  const metadata = counter('metadata_requests', 'Requests that asked where partitions are.');
  return {
    opened: () => connections.inc(),
    gaveUp: () => givenUp.inc(),
    askedForMetadata: () => metadata.inc(),
  };
}

/** @param counts what the stores hold, asked when somebody looks */
export function storeMetrics(
  registry: Registry,
  counts: () => readonly [disk: StoreCounts, memory: StoreCounts],
): void {
  const gauge = (name: string, help: string, of: 'waiting' | 'evicted' | 'damaged', unit: keyof Amount) =>
    new Gauge({
      registers: [registry],
      name: `bpfleet_agent_spool_${name}_${unit}`,
      help,
      labelNames: ['store'],
      collect() {
        const [disk, memory] = counts();
        this.set({ store: 'disk' }, disk[of][unit]);
        this.set({ store: 'memory' }, memory[of][unit]);
      },
    });
  for (const unit of ['sections', 'packets', 'bytes'] as const) {
    gauge('waiting', `Waiting for the bus: ${unit}.`, 'waiting', unit);
    gauge('evicted', `Given up, over a limit or for good: ${unit}.`, 'evicted', unit);
    gauge('damaged', `Not readable any more: ${unit}.`, 'damaged', unit);
  }
}
