import { defaultPartitionsAtOnce } from '@bpfleet/bus';
import { LIVE_FLOWS, seededRandom } from '@bpfleet/test-environment/live-traffic';
import type { Benchmark, MeasuredRow, Result, RunOptions } from '../benchmark.js';
import { judged } from '../benchmark.js';
import { describePostgres } from '../postgres-settings.js';
import { bareCopy } from './bare-copy.js';
import { freshness } from './freshness.js';
import { type IngestSpeed, ingestSpeed, type StoredSizes, storedSizes } from './ingest-speed.js';
import { percentile } from './latencies.js';
import { latencyRow } from './latency-row.js';
import {
  chooseHosts,
  HOSTS_PER_CLASS,
  type Hosts,
  hostClasses,
  mixed,
  newest100,
  notRuledOut,
} from './query-latency.js';
import { SCANNED_FOR, type ScanSpeed, scanSpeed } from './scan-speed.js';
import { settled } from './settled.js';
import { AGENTS, StoreRig, until } from './store-rig.js';
import { topTalkers } from './top-talkers.js';

/** As long as a full run is told to be at least. */
const FULL_BUDGET_MS = 100_000;
const SIZES = {
  quick: { packets: 3_000_000, ingestMs: 30_000, copyMs: 3_000, askedPackets: 1_000_000, freshMs: 5_000 },
  full: { packets: 75_000_000, ingestMs: 180_000, copyMs: 15_000, askedPackets: 11_000_000, freshMs: 20_000 },
} as const;
const MOST_MS = 900_000;
/** What waits for ingest was captured as fast as ingest has to be, hours before what queries ask for. */
const CAPTURED_PER_SECOND = 150_000;
const BACKLOG_AGE_MS = 3 * 3_600_000;
/** Longer than the queries beside it take. */
const BESIDE_QUERIES_MS = 60_000;
/** What queries ask for was captured in so long up to now. */
const ASKED_MS = 50 * 60_000;
/** From when all of it is captured, and nothing of the backlog; and from when that is, too. */
const ASKED_SINCE = '-2h';
const ALL_SINCE = '-6h';

/** Kafka to Postgres, and questions about what is stored. */
export const store: Benchmark = {
  name: 'store',
  title: 'Kafka → analytics → Postgres, and queries',
  async run({ budgetMs, seed }: RunOptions): Promise<Result> {
    const size = budgetMs < FULL_BUDGET_MS ? SIZES.quick : SIZES.full;
    const rig = new StoreRig();
    try {
      const refused = await rig.start();
      if (refused) return { workload: `not measured: ${refused.unavailable}`, seed, versions: {}, rows: [] };
      return await new StoreBench(rig, size, seed).run();
    } finally {
      await rig.stop();
    }
  },
};

class StoreBench {
  readonly #rows: MeasuredRow[] = [];

  constructor(
    private readonly rig: StoreRig,
    private readonly size: (typeof SIZES)[keyof typeof SIZES],
    private readonly seed: number,
  ) {}

  async run(): Promise<Result> {
    const { rig, size, seed } = this;
    say(`filling the topic with ${size.packets.toLocaleString('en-US')} packets`);
    await this.#fill();
    say('ingest, cold group');
    const speed = await ingestSpeed(rig, size.packets, size.ingestMs);
    await this.#allStored(size.packets);
    const sizes = await storedSizes(rig.pool);
    const bare = {
      // As long as ingest: Postgres' checkpoints and vacuum take their share of both.
      all: await bareCopy(rig.pool, 1000 * speed.seconds, true, defaultPartitionsAtOnce),
      sections: await bareCopy(rig.pool, size.copyMs, false, defaultPartitionsAtOnce),
    };
    this.#ingestRows(speed, sizes, bare);
    say(`storing what queries ask for: ${size.askedPackets.toLocaleString('en-US')} packets of the last hour`);
    const asked = { packets: size.askedPackets, spreadMs: ASKED_MS, endedAgoMs: 0 };
    await rig.load({ seed: seed + 2, epoch: 2, ...asked, packetsPerSecond: 0 }).done;
    await this.#allStored(size.packets + size.askedPackets);
    say('top talkers of packets that all came within minutes');
    await rig.restartAnalytics();
    const unmergedMs = percentile(Float64Array.from(await topTalkers(rig.url, HOSTS_PER_CLASS)).sort(), 0.95);
    say('until they are as those of an hour that took an hour to come');
    await settled(rig.pool);
    say('queries');
    const hosts = await chooseHosts(rig.pool, seededRandom(seed));
    await this.#queries(hosts);
    await this.#queriesWhileIngesting(hosts, speed.packetsPerSecond / 2);
    say('freshness');
    const fresh = await freshness(rig, size.freshMs, 4);
    this.#latency('produced → query, 10 kpps, p95', fresh.toQuery, 0.95, 1500, 1000);
    this.#latency('produced → tail, 10 kpps, p95', fresh.toTail, 0.95, 1000, 600);
    const { rows: versions } = await rig.pool.query<{ server_version: string }>('SHOW server_version');
    return {
      workload:
        `${workload(speed, sizes, size.askedPackets)}; top 10 talkers as long as none of it was merged, p95: ${Math.round(unmergedMs)} ms; ` +
        `${await describePostgres(rig.pool)}`,
      seed,
      versions: { postgres: versions[0]!.server_version, kafka: rig.kafka.version },
      rows: this.#rows,
    };
  }

  async #fill(): Promise<void> {
    await this.rig.restartAnalytics();
    // It made the topic; what it would store now is to wait until all is there.
    await until('the topic', async () => (await this.rig.metric('bpfleet_ingest_lag_records')) >= 0);
    await this.rig.stopAnalytics();
    const { packets } = this.size;
    const spreadMs = (1000 * packets) / CAPTURED_PER_SECOND;
    const captured = { spreadMs, endedAgoMs: BACKLOG_AGE_MS };
    await this.rig.load({ seed: this.seed, epoch: 1, packets, ...captured, packetsPerSecond: 0 }).done;
  }

  /** Sections and the flows made of them. */
  async #allStored(packets: number): Promise<void> {
    const { rig } = this;
    const packetsIn = async (table: string) =>
      Number((await rig.pool.query<{ sum: string }>(`SELECT sum(packets) FROM analytics.${table}`)).rows[0]!.sum);
    await until('all sections', async () => (await packetsIn('section')) >= packets, MOST_MS);
    await until('all flows', async () => (await packetsIn('flow_direction')) >= packets, MOST_MS);
  }

  #ingestRows(speed: IngestSpeed, sizes: StoredSizes, bare: { all: number; sections: number }): void {
    const { packetsPerSecond, spread, windows } = speed;
    const against = (peer: number) => ({
      ...{ peer, value: packetsPerSecond, ratio: packetsPerSecond / peer, n: windows },
      spread: [spread[0] / peer, spread[1] / peer] as const,
    });
    const more = { bench: store.name, unit: 'packets/s', better: 'more' } as const;
    const measured = { value: packetsPerSecond, ratio: packetsPerSecond, spread, peer: null, n: windows };
    this.#rows.push(
      judged({ ...more, row: 'Kafka → Postgres', ...measured, bar: 150_000, goal: 300_000 }),
      judged({ ...more, row: 'against a bare COPY of the same rows', ...against(bare.all), bar: 0.5, goal: 0.7 }),
      judged({
        ...more,
        row: 'against section rows alone (for information)',
        ...against(bare.sections),
        bar: 0,
        goal: 0,
      }),
    );
    this.#ratio('flow rows per packet', 'rows', sizes.flowRows / sizes.packets, 0.15, 0.08, sizes.packets);
    this.#ratio(
      'sections stored, per byte on the wire',
      'ratio',
      sizes.sectionBytes / sizes.wireBytes,
      1.1,
      1.07,
      sizes.packets,
    );
    this.#ratio('flows and roll-ups stored, per packet', 'B', sizes.flowBytes / sizes.packets, 30, 15, sizes.packets);
  }

  async #queries(hosts: Hosts): Promise<void> {
    const { rig } = this;
    await rig.restartAnalytics();
    const times = await newest100(rig.client, mixed(hosts));
    this.#latency('newest 100 of a host, last hour, p95', times, 0.95, 50, 20);
    for (const name of hostClasses) {
      await rig.restartAnalytics();
      this.#latency(`  ${name} hosts`, await newest100(rig.client, hosts[name]), 0.95, 50, 20);
    }
    this.#latency('top 10 talkers of an hour, p95', await topTalkers(rig.url, HOSTS_PER_CLASS), 0.95, 100, 100);
    const { percent, sections } = await notRuledOut(rig.client, hosts.absent);
    this.#ratio('sections not ruled out for absent hosts', '%', percent, 1, 0.3, sections);
    this.#scan(
      'any expression, no index help',
      await scanSpeed(rig.client, ASKED_SINCE, SCANNED_FOR),
      1_500_000,
      2_500_000,
    );
    const ofAll = await scanSpeed(rig.client, ALL_SINCE, SCANNED_FOR.slice(0, 1));
    this.#scan('the first of them, all that is stored (for information)', ofAll, 0, 0);
  }

  async #queriesWhileIngesting(hosts: Hosts, packetsPerSecond: number): Promise<void> {
    const packets = Math.round((packetsPerSecond * BESIDE_QUERIES_MS) / 1000);
    const captured = { spreadMs: BESIDE_QUERIES_MS, endedAgoMs: 0 };
    const load = this.rig.load({
      ...{ seed: this.seed + 1, epoch: 3, packets, ...captured, packetsPerSecond, isMadeBefore: true },
    });
    const before = await this.rig.metric('bpfleet_ingest_packets_total');
    const isComing = async () => (await this.rig.metric('bpfleet_ingest_packets_total')) > before;
    await until('live packets', isComing, MOST_MS);
    const start = { atMs: performance.now(), packets: await this.rig.metric('bpfleet_ingest_packets_total') };
    const times = await newest100(this.rig.client, [...mixed(hosts), ...mixed(hosts)]);
    const ingested = (await this.rig.metric('bpfleet_ingest_packets_total')) - start.packets;
    const rate = Math.round(ingested / (performance.now() - start.atMs));
    load.stop();
    await load.done;
    this.#latency(`the same while ingesting ${rate},000/s, p99`, times, 0.99, 100, 100);
  }

  #latency(row: string, timesMs: readonly number[], part: number, bar: number, goal: number): void {
    this.#rows.push(latencyRow({ bench: store.name, row }, timesMs, part, bar, goal));
  }

  #scan(row: string, speed: ScanSpeed, bar: number, goal: number): void {
    const more = { bench: store.name, unit: 'packets/s', better: 'more' } as const;
    this.#rows.push(judged({ ...more, row, ...speed, ratio: speed.value, peer: null, bar, goal }));
  }

  #ratio(row: string, unit: string, value: number, bar: number, goal: number, n: number): void {
    const measured = { value, ratio: value, peer: null, spread: [value, value] as const, n };
    this.#rows.push(judged({ bench: store.name, row, unit, ...measured, bar, goal, better: 'less' }));
  }
}

/** What is under way, for who waits: to where it does not mix with the result. */
const say = (what: string): boolean => process.stderr.write(`store: ${what}\n`);

function workload(
  { seconds, cpuUsPerPacket }: IngestSpeed,
  { packets, flowRows, wireBytes }: StoredSizes,
  asked: number,
): string {
  const { analytics, postgres } = cpuUsPerPacket;
  return (
    `${packets.toLocaleString('en-US')} packets of ${AGENTS} agents in signed sections of 64 KiB by the agent's encoder, ` +
    `${Math.round(wireBytes / packets)} B each in the log, 128 B captured, DNS at port 53 and random payload, Zipf hosts, ${LIVE_FLOWS.toLocaleString('en-US')} live flows, ` +
    `a tenth IPv6, 1 % of the sections twice, captured at ${CAPTURED_PER_SECOND.toLocaleString('en-US')} a second; 12 partitions, ${defaultPartitionsAtOnce} of them and as many connections of the bare COPY at once, cold group, from its first commit for ${Math.round(seconds)} s, ` +
    `broker, Postgres and one analytics process on this machine; CPU per packet: analytics ${analytics.toFixed(2)} µs, Postgres ${postgres.toFixed(2)} µs; ` +
    `${flowRows.toLocaleString('en-US')} flow rows; roll-ups merged, VACUUM (ANALYZE) and a checkpoint just before the queries, these over HTTP for ${asked.toLocaleString('en-US')} packets of the last hour, in the same partition, ${HOSTS_PER_CLASS} hosts of each class, each class from a fresh process; any expression: the slowest of ${SCANNED_FOR.map((one) => `“${one}”`).join(', ')}, each once over these packets`
  );
}
