import { execFile } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ApiClient, packetMediaTypes, queryApi } from '@bpfleet/contract';
import { type Benchmark, judged, type MeasuredRow, type Result, type RunOptions } from '../benchmark.js';
import { describePostgres } from '../postgres-settings.js';
import { QueryService } from '../scan/query-service.js';
import { storePackets } from '../scan/stored-packets.js';

const run = promisify(execFile);
const SIZES = {
  quick: { packets: 1_000_000, slowMs: 5_000 },
  full: { packets: 10_000_000, slowMs: 30_000 },
} as const;
const FULL_BUDGET_MS = 100_000;
const SLOW_BYTES_PER_S = 1_000_000;
const SAMPLE_EVERY_MS = 100;
const MORE_MB = { bar: 64, goal: 32 } as const;

/** What a large capture file costs the service in memory while its receiver is slow, and then fast. */
export const exports: Benchmark = {
  name: 'export',
  title: 'all stored packets as one pcapng file, to a receiver that is slow at first',
  async run({ budgetMs, seed }: RunOptions): Promise<Result> {
    const { packets: wanted, slowMs } = budgetMs < FULL_BUDGET_MS ? SIZES.quick : SIZES.full;
    const service = new QueryService();
    const folder = await mkdtemp(join(tmpdir(), 'bpfleet-bench-export-'));
    try {
      await service.start();
      const stored = await storePackets(service.store.pool, wanted, seed);
      const client = new ApiClient({ server: service.url });
      const memory = new MemorySamples(service.pid);
      const path = join(folder, 'all.pcapng');
      const received = await receive(client, path, slowMs);
      const moreMb = memory.stop();
      const counted = await capinfosCount(path);
      const rows: MeasuredRow[] = [
        row('memory of the service, above that before', 'MB', moreMb, MORE_MB.bar, MORE_MB.goal, 'less', memory.count),
        row('packets that capinfos counts, of those stored', 'share', counted / stored.packets, 1, 1, 'more', counted),
        row(
          'packets per second when the receiver is fast',
          'packets/s',
          received.packetsPerSecond(counted),
          150_000,
          500_000,
          'more',
          counted,
        ),
      ];
      const { rows: versions } = await service.store.pool.query<{ server_version: string }>('SHOW server_version');
      const megabytes = Math.round((await stat(path)).size / 1e6);
      const workload =
        `${stored.packets.toLocaleString('en-US')} packets cut at 128 bytes, ${megabytes} MB of pcapng over HTTP; ` +
        `read at ${SLOW_BYTES_PER_S / 1e6} MB/s for ${slowMs / 1000} s, then as fast as the disk takes it; ` +
        `resident memory of the analytics process sampled each ${SAMPLE_EVERY_MS} ms, ${memory.beforeMb.toFixed(0)} MB before: ` +
        `it has exported nothing yet; VACUUM (ANALYZE) just before; ` +
        (await describePostgres(service.store.pool));
      return { workload, seed, versions: { postgres: versions[0]!.server_version }, rows };
    } finally {
      await rm(folder, { recursive: true, force: true });
      await service.stop();
    }
  },
};

/** Reads the file slowly at first. */
async function receive(client: ApiClient, path: string, slowMs: number) {
  const headers = { accept: packetMediaTypes.pcapng };
  const response = await client.send(queryApi.listPackets, { query: { since: '-24h', limit: 0 }, headers });
  const file = createWriteStream(path);
  const start = performance.now();
  let bytes = 0;
  let slowBytes = 0;
  let fastSince = start;
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (!file.write(chunk)) await new Promise<void>((resolve) => file.once('drain', () => resolve()));
    if (performance.now() - start >= slowMs) continue;
    await delay(Math.max(0, (1000 * bytes) / SLOW_BYTES_PER_S - (performance.now() - start)));
    slowBytes = bytes;
    fastSince = performance.now();
  }
  const fastSeconds = (performance.now() - fastSince) / 1000;
  await new Promise<void>((resolve, reject) => file.end((error?: Error | null) => (error ? reject(error) : resolve())));
  return { packetsPerSecond: (packets: number) => (packets * (1 - slowBytes / bytes)) / fastSeconds };
}

async function capinfosCount(path: string): Promise<number> {
  const { stdout } = await run('capinfos', ['-c', '-M', '-r', '-T', path]);
  return Number(stdout.trim().split('\t').at(-1));
}

/** How much more memory a process has at most than when this began. */
class MemorySamples {
  readonly beforeMb: number;
  readonly #timer: NodeJS.Timeout;
  #mostMb = 0;
  count = 0;

  constructor(pid: number) {
    this.beforeMb = residentMb(pid);
    this.#timer = setInterval(() => {
      this.#mostMb = Math.max(this.#mostMb, residentMb(pid));
      this.count++;
    }, SAMPLE_EVERY_MS);
  }

  stop(): number {
    clearInterval(this.#timer);
    return Math.max(0, this.#mostMb - this.beforeMb);
  }
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1.024) / 1000;
}

function row(
  name: string,
  unit: string,
  value: number,
  bar: number,
  goal: number,
  better: 'more' | 'less',
  n: number,
): MeasuredRow {
  const figure = { value, ratio: value, spread: [value, value] as const, peer: null };
  return judged({ bench: exports.name, row: name, unit, ...figure, n, bar, goal, better });
}
