import { forEachPacket } from '@bpfleet/section';
import { CopyEncoder, copyIn, sectionTarget } from '@bpfleet/store';
import type pg from 'pg';
import { type MadeSection, makeSections } from '../ingest/section-source.js';

const MADE_SECTIONS = 100;
const AGENTS = 5;
const POSITION = { logId: 'scan', partition: 0, next: 0n, flowsNext: 0n, fence: 1n };
/** Words of an EPB's time, from its first captured byte. */
const TIME_AT = { high: -16, low: -12 } as const;

/** What was stored: all packets in the order of their times, in sections without an index. */
export interface StoredPackets {
  readonly packets: number;
  readonly sections: number;
  readonly bytesPerPacket: number;
}

/** Stores the same traffic over and over, each time later, until there are so many packets. Times end now. */
export async function storePackets(pool: pg.Pool, packets: number, seed: number): Promise<StoredPackets> {
  const made = makeSections(MADE_SECTIONS, seed, 0);
  const perRound = made.reduce((sum, one) => sum + one.packets, 0);
  const rounds = Math.ceil(packets / perRound);
  const roundNs = made.at(-1)!.tsMaxNs - made[0]!.tsMinNs + 1_000_000n;
  const beginNs = BigInt(Date.now()) * 1_000_000n - BigInt(rounds) * roundNs;
  const encoder = new CopyEncoder();
  const client = await pool.connect();
  try {
    for (let round = 0; round < rounds; round++) {
      encoder.begin();
      const shiftNs = beginNs + BigInt(round) * roundNs;
      for (const [index, one] of made.entries()) encode(encoder, one, round * MADE_SECTIONS + index, shiftNs);
      await copyIn(client, `${sectionTarget.table} (${sectionTarget.columns})`, encoder.finish());
    }
  } finally {
    client.release();
  }
  await pool.query(`
    INSERT INTO analytics.partition_range (hour, log, partition, ts_min, ts_max)
    SELECT date_trunc('hour', ingested_at, 'UTC'), log, partition, min(ts_min), max(ts_max)
    FROM analytics.section GROUP BY 1, 2, 3`);
  await pool.query('VACUUM (ANALYZE) analytics.section');
  const bytes = made.reduce((sum, { body }) => sum + body.length, 0);
  return { packets: rounds * perRound, sections: rounds * MADE_SECTIONS, bytesPerPacket: bytes / perRound };
}

function encode(encoder: CopyEncoder, made: MadeSection, number: number, shiftNs: bigint): void {
  const { frames: _frames, ...section } = made;
  sectionTarget.encode(encoder, POSITION, {
    ...section,
    ...{ body: later(made.body, shiftNs), tsMinNs: made.tsMinNs + shiftNs, tsMaxNs: made.tsMaxNs + shiftNs },
    ...{ offset: BigInt(number), agent: `agent-${number % AGENTS}`, epoch: 1, seq: Math.floor(number / AGENTS) },
    ...{ filters: ['web@3'], droppedByKernel: 0, clockSuspect: false },
  });
}

/** The section with its packets' times moved. */
function later(body: Uint8Array, shiftNs: bigint): Uint8Array {
  const moved = body.slice();
  const view = new DataView(moved.buffer);
  forEachPacket(body, ({ start, atNs }) => {
    const ns = atNs + shiftNs;
    view.setUint32(start + TIME_AT.high, Number(ns >> 32n), true);
    view.setUint32(start + TIME_AT.low, Number(ns & 0xffff_ffffn), true);
    return true;
  });
  return moved;
}
