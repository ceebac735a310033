import { CopyEncoder, copyIn, type HeldPosition, type SectionRow, sectionTarget } from '@bpfleet/store';
import type pg from 'pg';
import type { IndexedSection } from './indexed-traffic.js';

const AGENTS = 5;
const BATCH_SECTIONS = 100;
const POSITION = { logId: 'pruning', partition: 0, next: 0n, fence: 1n } as HeldPosition;
const HOUR_NS = 3_600_000_000_000n;

/**
 * Stores sections spread over the last hour, the given ones over and over, until they hold `packets`.
 * @returns the range that they are in
 */
export async function fillStore(
  pool: pg.Pool,
  sections: readonly IndexedSection[],
  packets: number,
): Promise<{
  readonly sinceNs: bigint;
  readonly untilNs: bigint;
  readonly sections: number;
  readonly packets: number;
}> {
  const perSection = sections.reduce((sum, one) => sum + one.packets, 0) / sections.length;
  const count = BATCH_SECTIONS * Math.ceil(packets / perSection / BATCH_SECTIONS);
  const untilNs = BigInt(Date.now()) * 1_000_000n;
  const sinceNs = untilNs - HOUR_NS;
  const encoder = new CopyEncoder();
  const client = await pool.connect();
  let stored = 0;
  for (let first = 0; first < count; first += BATCH_SECTIONS) {
    encoder.begin();
    for (let number = first; number < first + BATCH_SECTIONS; number++) {
      const { hosts: _hosts, ...section } = sections[number % sections.length]!;
      stored += section.packets;
      const atNs = sinceNs + (HOUR_NS * BigInt(number)) / BigInt(count);
      sectionTarget.encode(encoder, POSITION, rowAt(number, section, atNs));
    }
    await copyIn(client, `${sectionTarget.table} (${sectionTarget.columns})`, encoder.finish());
  }
  client.release();
  await pool.query(`
    INSERT INTO analytics.partition_range (hour, log, partition, ts_min, ts_max)
    SELECT date_trunc('hour', ingested_at, 'UTC'), log, partition, min(ts_min), max(ts_max)
    FROM analytics.section GROUP BY 1, 2, 3`);
  await pool.query('VACUUM (ANALYZE) analytics.section');
  return { sinceNs, untilNs, sections: count, packets: stored };
}

/** Moved in time: the store looks at the row's times, queries here at no packet's. */
function rowAt(number: number, section: Omit<IndexedSection, 'hosts'>, atNs: bigint): SectionRow {
  return {
    ...section,
    ...{ tsMinNs: atNs, tsMaxNs: atNs + section.tsMaxNs - section.tsMinNs },
    ...{ offset: BigInt(number), agent: `agent-${number % AGENTS}`, epoch: 1, seq: Math.floor(number / AGENTS) },
    ...{ filters: ['web@3'], droppedByKernel: 0, clockSuspect: false },
  };
}

/** Bytes of all section rows, their filters and indexes, for each byte that came over the wire. */
export async function storedPerWireByte(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ stored: string; wire: string }>(`
    SELECT (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('analytics.section') WHERE isleaf) AS stored,
      (SELECT sum(bytes) FROM analytics.section) AS wire`);
  return Number(rows[0]!.stored) / Number(rows[0]!.wire);
}
