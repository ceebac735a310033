import { ApiClient, queryApi } from '@bpfleet/contract';
import { to } from 'pg-copy-streams';
import { alternate } from '../alternate.js';
import { type Benchmark, judged, type MeasuredRow, type Result, type RunOptions } from '../benchmark.js';
import { describePostgres } from '../postgres-settings.js';
import { QueryService } from './query-service.js';
import { storePackets } from './stored-packets.js';

/** None of the traffic matches, so that all of it is read; the sections have no index to leave them out by. */
const EXPRESSIONS = [
  'tcp[13] & 0x20 != 0 and len > 5000',
  'udp and ip[8] = 0',
  'ether host 02:ff:00:00:00:01 or port 9 or net 172.16.0.0/12',
];
const PACKETS = { quick: 2_000_000, full: 10_000_000 } as const;
const FULL_BUDGET_MS = 100_000;
const BAR = 1_500_000;
const GOAL = 2_500_000;

/** Packets per second that a query looks at where no index helps, over HTTP, against the bare transfer of their bytes. */
export const scan: Benchmark = {
  name: 'scan',
  title: 'any expression over stored packets, without the help of an index',
  async run({ budgetMs, seed }: RunOptions): Promise<Result> {
    const service = new QueryService();
    try {
      await service.start();
      const { pool } = service.store;
      const wanted = budgetMs < FULL_BUDGET_MS ? PACKETS.quick : PACKETS.full;
      const stored = await storePackets(pool, wanted, seed);
      const client = new ApiClient({ server: service.url });
      const rows: MeasuredRow[] = [];
      for (const filter of EXPRESSIONS) {
        const ours = () => scanRate(client, filter, stored.packets);
        const peer = () => transferRate(service, stored.packets);
        const comparison = await alternate(ours, peer, budgetMs / (2 * EXPRESSIONS.length));
        const { value, spread, n } = comparison;
        const common = { bench: scan.name, unit: 'packets/s', better: 'more', n } as const;
        rows.push(
          judged({
            ...common,
            row: filter,
            value,
            peer: null,
            ratio: value,
            spread: [value, value],
            bar: BAR,
            goal: GOAL,
          }),
        );
        rows.push(judged({ ...common, ...comparison, row: `${filter}, of a bare COPY`, spread, bar: 0.25, goal: 0.7 }));
      }
      const { rows: versions } = await pool.query<{ server_version: string }>('SHOW server_version');
      const workload =
        `${stored.packets.toLocaleString('en-US')} packets cut at 128 bytes in ${stored.sections} sections of one hour ` +
        `without an index, ${Math.round(stored.bytesPerPacket)} bytes each in their section; asked over HTTP of analytics in a ` +
        'process of its own, whole range, no match, VACUUM (ANALYZE) just before; the peer is COPY … TO STDOUT of the sections ' +
        `alone, thrown away; ${await describePostgres(pool)}`;
      return { workload, seed, versions: { postgres: versions[0]!.server_version }, rows };
    } finally {
      await service.stop();
    }
  },
};

async function scanRate(client: ApiClient, filter: string, packets: number): Promise<number> {
  const start = performance.now();
  const query = { filter, since: '-24h', until: 'now', limit: 100, timeoutMs: 600_000 };
  const { completeness } = await client.call(queryApi.listPackets, { query });
  const seconds = (performance.now() - start) / 1000;
  if (completeness.packetsScanned !== packets || !completeness.rangeScanned) {
    throw new Error(`scanned ${completeness.packetsScanned} of ${packets} packets`);
  }
  return packets / seconds;
}

async function transferRate({ store }: QueryService, packets: number): Promise<number> {
  const client = await store.pool.connect();
  try {
    const start = performance.now();
    const rows = client.query(to('COPY (SELECT body FROM analytics.section) TO STDOUT (FORMAT binary)'));
    let bytes = 0;
    for await (const chunk of rows) bytes += (chunk as Buffer).length;
    if (bytes < packets) throw new Error('nothing was transferred');
    return packets / ((performance.now() - start) / 1000);
  } finally {
    client.release();
  }
}
