import { mayHold, SectionIndexer, tokenTest } from '@bpfleet/pruning';
import { SectionStore } from '@bpfleet/store';
import { startTemporaryStore } from '@bpfleet/store/embedded';
import { type Random, seededRandom } from '@bpfleet/test-environment/live-traffic';
import { median } from '../alternate.js';
import { type Benchmark, judged, type MeasuredRow, type Result, type RunOptions } from '../benchmark.js';
import { describePostgres } from '../postgres-settings.js';
import { fillStore, storedPerWireByte } from './fill-store.js';
import { absentHosts, addressOf, type IndexedSection, indexedTraffic, indexOf } from './indexed-traffic.js';
import { newestPackets } from './newest-packets.js';

const SECTIONS = 1000;
const ROUNDS = 7;
const ABSENT = 500;
const QUERIES = 128;
const LIMIT = 100;
/** As long as a full run is. */
const FULL_BUDGET_MS = 100_000;
const PACKETS = { quick: 2_000_000, full: 10_000_000 } as const;

/** What the index of sections costs and spares. */
export const pruning: Benchmark = {
  name: 'pruning',
  title: 'the index of sections: making it, its size, its wrong answers, and queries for hosts that are not there',
  async run({ budgetMs, seed }: RunOptions): Promise<Result> {
    const sections = [...indexedTraffic(SECTIONS, seed, Math.floor(Date.now() / 1000))];
    const random = seededRandom(seed);
    const rows = [making(sections), falsePositives(sections, random)];
    const temporary = await startTemporaryStore({ shared_buffers: '1GB', max_wal_size: '8GB' });
    try {
      const { pool } = temporary;
      const packets = budgetMs < FULL_BUDGET_MS ? PACKETS.quick : PACKETS.full;
      const filled = await fillStore(pool, sections, packets);
      rows.push(
        row('stored bytes per byte on the wire', 'ratio', await storedPerWireByte(pool), 1.1, 1.07, filled.sections),
      );
      const store = new SectionStore(pool);
      rows.push(await latency('absent host, newest 100 of the hour', absentHosts(QUERIES, random), store, filled));
      const { rows: versions } = await pool.query<{ server_version: string }>('SHOW server_version');
      const bytes = sections.reduce((sum, { index }) => sum + (index.bloom?.length ?? 0), 0) / SECTIONS;
      const workload =
        `${SECTIONS} sections of 64 KiB, ${Math.round(filled.packets / filled.sections)} packets cut at 128 bytes each; ` +
        `filters of ${Math.round(bytes)} bytes on average; ${filled.packets.toLocaleString('en-US')} packets in ` +
        `${filled.sections} stored sections, all of one hour; absent hosts: a third each in the networks of internal and of external hosts and elsewhere; ` +
        `processor time of one thread for the first row; VACUUM (ANALYZE) just before the queries; ${await describePostgres(pool)}`;
      return { workload, seed, versions: { postgres: versions[0]!.server_version }, rows };
    } finally {
      await temporary.stop();
    }
  },
};

/** Processor time of walking, hashing and building, per packet; walking the blocks included. */
function making(sections: readonly IndexedSection[]): MeasuredRow {
  const indexer = new SectionIndexer();
  const packets = sections.reduce((sum, one) => sum + one.packets, 0);
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    for (const { body } of sections) indexOf(body, indexer);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / packets;
  }).slice(1);
  return {
    ...row('making the index, per packet', 'ns', median(rounds), 400, 200, rounds.length),
    spread: rangeOf(rounds),
  };
}

/** Of all pairs of an absent host and a section: how often the index does not rule it out. */
function falsePositives(sections: readonly IndexedSection[], random: Random): MeasuredRow {
  const hosts = absentHosts(ABSENT, random).filter((host) => !sections.some((section) => section.hosts.has(host)));
  let wrong = 0;
  for (const host of hosts) {
    const test = tokenTest({ kind: 'ipv4', address: addressOf(host), bits: 32 });
    for (const { index } of sections) if (mayHold(test, index)) wrong++;
  }
  const pairs = hosts.length * sections.length;
  return row('sections not ruled out for an absent host', '%', (100 * wrong) / pairs, 1, 0.3, pairs);
}

async function latency(
  name: string,
  hosts: readonly string[],
  store: SectionStore,
  range: { readonly sinceNs: bigint; readonly untilNs: bigint },
): Promise<MeasuredRow> {
  const times: number[] = [];
  for (const host of hosts) {
    const start = performance.now();
    await newestPackets(store, `host ${host}`, range, LIMIT);
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const p95 = times[Math.ceil(0.95 * times.length) - 1]!;
  return { ...row(`${name}, p95`, 'ms', p95, 50, 20, times.length), spread: rangeOf(times) };
}

const rangeOf = (values: readonly number[]): [number, number] => [Math.min(...values), Math.max(...values)];

function row(name: string, unit: string, value: number, bar: number, goal: number, n: number): MeasuredRow {
  const measured = { value, ratio: value, peer: null, spread: [value, value] as const, n };
  return judged({ bench: 'pruning', row: name, unit, ...measured, bar, goal, better: 'less' });
}
