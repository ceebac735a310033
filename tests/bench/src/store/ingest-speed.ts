import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { StoreRig } from './store-rig.js';

export interface IngestSpeed {
  readonly packetsPerSecond: number;
  readonly seconds: number;
  /** Slowest and fastest of windows of five seconds. */
  readonly spread: readonly [number, number];
  readonly windows: number;
  readonly cpuUsPerPacket: { readonly analytics: number; readonly postgres: number };
}

const SAMPLE_MS = 250;
const WINDOW_MS = 5_000;
const PACKETS = 'bpfleet_ingest_packets_total';

/** How fast a cold group stores what waits in the topic, from its first commit on, for so long or until all is stored. */
export async function ingestSpeed(rig: StoreRig, packets: number, longestMs: number): Promise<IngestSpeed> {
  await rig.restartAnalytics();
  const samples: { atMs: number; packets: number }[] = [];
  const cpu = rig.cpuMs();
  for (;;) {
    const stored = await rig.metric(PACKETS);
    if (stored > 0) samples.push({ atMs: performance.now(), packets: stored });
    if (stored >= packets || (samples[0] && performance.now() - samples[0].atMs > longestMs)) break;
    await delay(SAMPLE_MS);
  }
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const after = rig.cpuMs();
  const perPacket = (part: keyof typeof cpu) => (1000 * (after[part] - cpu[part])) / last.packets;
  const rates = windows(samples);
  return {
    packetsPerSecond: rate(first, last),
    seconds: (last.atMs - first.atMs) / 1000,
    spread: [Math.min(...rates), Math.max(...rates)],
    windows: rates.length,
    cpuUsPerPacket: { analytics: perPacket('analytics'), postgres: perPacket('postgres') },
  };
}

type Sample = { readonly atMs: number; readonly packets: number };

const rate = (from: Sample, to: Sample): number => (to.packets - from.packets) / ((to.atMs - from.atMs) / 1000);

function windows(samples: readonly Sample[]): number[] {
  const rates: number[] = [];
  let begin = samples[0]!;
  for (const sample of samples) {
    if (sample.atMs - begin.atMs < WINDOW_MS) continue;
    rates.push(rate(begin, sample));
    begin = sample;
  }
  return rates.length > 0 ? rates : [rate(samples[0]!, samples.at(-1)!)];
}

export interface StoredSizes {
  readonly packets: number;
  readonly flowRows: number;
  readonly sectionBytes: number;
  readonly wireBytes: number;
  readonly flowBytes: number;
}

/** Rows and bytes on disk, all indexes included. */
export async function storedSizes(pool: pg.Pool): Promise<StoredSizes> {
  const { rows } =
    await pool.query<Record<'packets' | 'wire' | 'flows' | 'section_bytes' | 'flow_bytes', string>>(SIZES);
  const row = rows[0]!;
  return {
    packets: Number(row.packets),
    flowRows: Number(row.flows),
    sectionBytes: Number(row.section_bytes),
    wireBytes: Number(row.wire),
    flowBytes: Number(row.flow_bytes),
  };
}

const SIZES = `
  WITH sizes AS (
    SELECT p.relname AS parent, sum(pg_total_relation_size(i.inhrelid)) AS bytes
    FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent AND p.relkind = 'p' GROUP BY p.relname
  )
  SELECT sum(packets) AS packets, sum(bytes) AS wire, (SELECT count(*) FROM analytics.flow) AS flows,
    (SELECT bytes FROM sizes WHERE parent = 'section') AS section_bytes,
    (SELECT sum(bytes) FROM sizes WHERE parent LIKE 'flow%') AS flow_bytes
  FROM analytics.section`;
