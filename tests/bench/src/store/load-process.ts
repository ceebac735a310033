import { setTimeout as delay } from 'node:timers/promises';
import { type BusRecord, KafkaBus } from '@bpfleet/bus';
import { LiveTraffic, seededRandom } from '@bpfleet/test-environment/live-traffic';
import { agentIds, LoadAgent } from './load-agent.js';

/** Told in its first argument, as JSON. */
export interface LoadOrder {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly seed: number;
  readonly agents: number;
  readonly epoch: number;
  readonly packets: number;
  /** Time stamps are spread over so long a time; 0: each packet's is of when it is made. */
  readonly spreadMs: number;
  /** How long ago the last of them is. */
  readonly endedAgoMs: number;
  /** 0: as fast as it goes. */
  readonly packetsPerSecond: number;
  /** All records are made before the first is sent: agents encode and sign on their own hosts. */
  readonly isMadeBefore?: boolean;
}

/** Told on stdout at its end. */
export interface LoadReport {
  readonly packets: number;
  readonly sections: number;
  readonly duplicates: number;
  readonly wireBytes: number;
}

/** Of sections, sent a second time. */
const DUPLICATE_EVERY = 100;
const SNAPLEN_BYTES = 128;
const SEND_BYTES = 900 * 1024;
const SEND_TIMEOUT_MS = 60_000;
/** What an agent waits for at most before it closes a section. */
const FLUSH_MS = 200;

const order = JSON.parse(process.argv[2]!) as LoadOrder;
const bus = new KafkaBus({ brokers: order.brokers, clientId: 'bench-load' });
const producer = bus.producer();
const agents = agentIds(order.agents).map((id) => new LoadAgent(id, order.epoch));
const traffic = new LiveTraffic(seededRandom(order.seed), { agents: order.agents, snaplenBytes: SNAPLEN_BYTES });
const report = { packets: 0, sections: 0, duplicates: 0, wireBytes: 0 };
let waiting: BusRecord[] = [];
let waitingBytes = 0;

await producer.start();
if (order.isMadeBefore) await replay();
else await (order.spreadMs > 0 ? past() : live());
process.stdout.write(`${JSON.stringify(report satisfies LoadReport)}\n`);
await producer.stop();

async function past(): Promise<void> {
  for (const atMs of times()) {
    put(atMs);
    if (waitingBytes > SEND_BYTES) await send();
  }
  flush();
  await send();
}

/** The records at an even pace, whatever is in them. */
async function replay(): Promise<void> {
  for (const atMs of times()) put(atMs);
  flush();
  const records = waiting;
  const durationMs = (1000 * order.packets) / order.packetsPerSecond;
  const start = performance.now();
  for (let sent = 0; sent < records.length; await delay(5)) {
    const due = Math.ceil((records.length * (performance.now() - start)) / durationMs);
    waiting = records.slice(sent, due);
    sent += waiting.length;
    if (waiting.length > 0) await send();
  }
}

/** Each packet's time stamp. */
function* times(): Generator<number, void, void> {
  const firstMs = Date.now() - order.endedAgoMs - order.spreadMs;
  const step = order.spreadMs / order.packets;
  for (let packet = 0; packet < order.packets; packet++) yield firstMs + packet * step;
}

/** In steps of a few milliseconds; what a step is late for, the next one makes up. */
async function live(): Promise<void> {
  const start = Date.now();
  let flushedMs = start;
  while (report.packets < order.packets) {
    const due = Math.min(order.packets, ((Date.now() - start) / 1000) * order.packetsPerSecond);
    while (report.packets < due) put(Date.now());
    if (Date.now() - flushedMs >= FLUSH_MS) {
      flush();
      flushedMs = Date.now();
    }
    if (waiting.length > 0) await send();
    await delay(5);
  }
  flush();
  await send();
}

/** One packet, stamped with that time. */
function put(atMs: number): void {
  const agent = agents[traffic.advance()]!;
  const seconds = Math.floor(atMs / 1000);
  const nanoseconds = Math.floor((atMs - seconds * 1000) * 1_000_000);
  if (!traffic.write(agent.writer, agent.interfaceId, seconds, nanoseconds)) {
    queue(agent.finish());
    traffic.write(agent.writer, agent.interfaceId, seconds, nanoseconds);
  }
  report.packets++;
}

function queue(record: BusRecord): void {
  report.sections++;
  report.wireBytes += record.value.byteLength;
  const isTwice = report.sections % DUPLICATE_EVERY === 0;
  if (isTwice) report.duplicates++;
  for (let time = 0; time < (isTwice ? 2 : 1); time++) {
    waiting.push(record);
    waitingBytes += record.value.byteLength;
  }
}

function flush(): void {
  for (const agent of agents) if (!agent.writer.isEmpty) queue(agent.finish());
}

async function send(): Promise<void> {
  const records = waiting;
  waiting = [];
  waitingBytes = 0;
  await producer.send(order.topic, records, SEND_TIMEOUT_MS);
}
