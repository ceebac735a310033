import { setTimeout as delay } from 'node:timers/promises';
import { median } from '../alternate.js';
import { judged, type MeasuredRow, type Result } from '../benchmark.js';
import { Acknowledged } from './acknowledged.js';
import { AgentHost } from './agent-host.js';
import { cpuTimeNs } from './cpu-time.js';
import { plainFrames } from './frames.js';
import { memoryOf } from './memory.js';
import { Scraper } from './scraper.js';
import type { Capturer, Wire } from './wire.js';

export interface WholeAgentOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly idleMs: number;
  readonly outageMs: number;
}

/** What `plainFrames` sends. */
const EXPRESSION = 'net 198.18.0.0/15';
/** Rounds of five seconds, the first of which warms up; then one of twenty: V8 compiles and collects less as a load lasts. */
const DELIVERY = { packets: 500_000, packetsPerSecond: 100_000, lastingPackets: 2_000_000 } as const;
const LATENCY = { packets: 100_000, packetsPerSecond: 10_000 } as const;
const OUTAGE_PACKETS_PER_SECOND = 20_000;
const CATCH_UP_MS = 60_000;
const SAMPLE_MS = 500;
/** Five seconds behind the work of the start both processes collect its garbage, and again five seconds later. */
const START_SETTLE_MS = 15_000;
/** After a load both processes give back what it took: collections of garbage, code that is compiled no more. */
const SETTLE_MS = 60_000;

export const wholeAgentWorkload =
  'the whole agent: opener and agent process (apps/capture-agent/dist/main.js, one processor for both), a real ' +
  'filter-manager and Kafka; CPU up to acknowledged: 500,000 packets at 100 kpps each round, then 2,000,000 at once, dumpcap ' +
  'beside on the same packets and processor, ours until a consumer has them all; latency: 100,000 packets at 10 kpps, from the kernel’s time stamp to a ' +
  'consumer of the topic; outage: brokers stopped (SIGSTOP), 20 kpps, the largest of samples twice a second; PSS without ring; ' +
  'idle before load: 15 s after the filter runs; ' +
  'idle: a minute after the last packet, connected to both, /metrics read each 15 s as Prometheus does (the reader on the other processor, not counted)';

export interface WholeAgentResult extends Pick<Result, 'rows' | 'versions'> {
  /** Why nothing was measured. */
  readonly unavailable?: string;
}

/** Rows that need everything around the agent; none, with the reason, where there is no Kafka. */
export async function measureWholeAgent(
  wire: Wire,
  dumpcap: Capturer | undefined,
  options: WholeAgentOptions,
): Promise<WholeAgentResult> {
  const agent = new AgentHost(wire);
  try {
    const refused = await agent.start(EXPRESSION);
    if (refused) return { ...refused, rows: [], versions: {} };
    const measured = new WholeAgent(wire, agent, options);
    return { rows: await measured.run(dumpcap), versions: agent.versions };
  } finally {
    await agent.stop();
  }
}

class WholeAgent {
  readonly #topic: Acknowledged;

  constructor(
    private readonly wire: Wire,
    private readonly agent: AgentHost,
    private readonly options: WholeAgentOptions,
  ) {
    this.#topic = new Acknowledged(agent.kafka.brokers, agent.topic, (error) => process.emitWarning(String(error)));
  }

  async run(dumpcap: Capturer | undefined): Promise<MeasuredRow[]> {
    await this.wire.generator.ask('load', plainFrames(this.options.seed));
    await this.#topic.start();
    try {
      await delay(START_SETTLE_MS);
      const fresh = this.#memory('idle before load', 150, 110);
      const rows = [fresh, await this.#latency(), ...(dumpcap ? await this.#delivery(dumpcap) : [])];
      return [...rows, ...(await this.#idle()), ...(await this.#outage())];
    } finally {
      await this.#topic.stop();
    }
  }

  /** Of the packets at hand, all of which must arrive. */
  async #acknowledged(before: number, sent: number): Promise<void> {
    if (await this.#topic.reaches(before + sent, CATCH_UP_MS)) return;
    throw new Error(`${this.#topic.packets - before} of ${sent} packets were acknowledged`);
  }

  async #latency(): Promise<MeasuredRow> {
    const before = this.#topic.packets;
    this.#topic.latenciesMs = [];
    const { sent } = await this.wire.generator.ask('send', LATENCY.packets, LATENCY.packetsPerSecond);
    await this.#acknowledged(before, sent);
    const latencies = this.#topic.latenciesMs.toSorted((a, b) => a - b);
    this.#topic.latenciesMs = undefined;
    const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)]!;
    const p95 = at(0.95);
    return judged({
      ...{ bench: 'capture', row: 'captured to acknowledged, p95', unit: 'ms', better: 'less', bar: 400, goal: 400 },
      ...{ value: p95, peer: null, ratio: p95, spread: [at(0.5), at(0.99)], n: latencies.length },
    });
  }

  async #delivery(dumpcap: Capturer): Promise<MeasuredRow[]> {
    await this.#deliver(dumpcap, DELIVERY.packets);
    const rounds: DeliveryRound[] = [];
    while (rounds.length < this.options.rounds) rounds.push(await this.#deliver(dumpcap, DELIVERY.packets));
    const lasting = await this.#deliver(dumpcap, DELIVERY.lastingPackets);
    if (this.#topic.unsigned > 0) throw new Error(`${this.#topic.unsigned} sections were not signed`);
    return [deliveryRow('', rounds), deliveryRow(', a load that lasts', [lasting])];
  }

  async #deliver(dumpcap: Capturer, packets: number): Promise<DeliveryRound> {
    const { agent } = this;
    const acknowledged = this.#topic.packets;
    const before = cpuTimeNs(...agent.pids);
    const peer = await this.wire.round(dumpcap, packets, DELIVERY.packetsPerSecond);
    await this.#acknowledged(acknowledged, peer.sent);
    return { ours: (cpuTimeNs(...agent.pids) - before) / peer.sent, peer: peer.cpuNs / peer.captured };
  }

  async #idle(): Promise<MeasuredRow[]> {
    const { idleMs } = this.options;
    await delay(SETTLE_MS);
    const scraper = new Scraper(this.agent.metricsUrl, this.wire.host.namespacePath);
    await scraper.start();
    const [start, before] = [performance.now(), cpuTimeNs(...this.agent.pids)];
    await delay(idleMs);
    const percent = ((cpuTimeNs(...this.agent.pids) - before) / 1e6 / (performance.now() - start)) * 100;
    const scrapes = await scraper.stop();
    const row = `idle CPU over ${idleMs / 1000} s, ${scrapes} scrapes of /metrics`;
    return [
      alone({ row, unit: '% of a core', bar: 0.5, goal: 0.2 }, percent),
      this.#memory('idle after load', 150, 110),
    ];
  }

  async #outage(): Promise<MeasuredRow[]> {
    const { kafka } = this.agent;
    const before = this.#topic.packets;
    const packets = (OUTAGE_PACKETS_PER_SECOND * this.options.outageMs) / 1000;
    await kafka.control.pause();
    let largest = this.#memory('outage', 260, 180);
    let isOver = false;
    const sending = this.wire.generator.ask('send', packets, OUTAGE_PACKETS_PER_SECOND).finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await delay(SAMPLE_MS);
      const now = this.#memory('outage', 260, 180);
      if (now.value > largest.value) largest = now;
    }
    const { sent } = await sending;
    await kafka.control.resume();
    await this.#acknowledged(before, sent);
    return [largest];
  }

  #memory(when: string, bar: number, goal: number): MeasuredRow {
    const { megabytes, ringMegabytes } = memoryOf(this.agent.pids);
    return alone(
      { row: `PSS, ${when} (ring apart: ${Math.round(ringMegabytes)} MB)`, unit: 'MB', bar, goal },
      megabytes,
    );
  }
}

/** Nanoseconds for each packet. */
interface DeliveryRound {
  readonly ours: number;
  readonly peer: number;
}

function deliveryRow(load: string, rounds: readonly DeliveryRound[]): MeasuredRow {
  const ratios = rounds.map(({ ours, peer }) => ours / peer);
  return judged({
    ...{
      bench: 'capture',
      row: `CPU up to acknowledged by Kafka${load}; dumpcap -w`,
      unit: 'ns/packet',
      better: 'less',
    },
    ...{ bar: 1.3, goal: 1, value: median(rounds.map(({ ours }) => ours)), ratio: median(ratios) },
    ...{ peer: median(rounds.map(({ peer }) => peer)), spread: [Math.min(...ratios), Math.max(...ratios)] },
    n: rounds.length,
  });
}

/** A figure that stands for itself. */
const alone = (row: Pick<MeasuredRow, 'row' | 'unit' | 'bar' | 'goal'>, value: number): MeasuredRow =>
  judged({ ...row, bench: 'capture', better: 'less', peer: null, value, ratio: value, spread: [value, value], n: 1 });
