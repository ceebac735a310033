import type pg from 'pg';
import { type SentSection, sectionId } from './known-traffic.js';

/** In packets. */
export interface Found {
  /** Sent, acknowledged, and not stored. */
  readonly lost: number;
  /** Stored again under the same (agent, epoch, seq, index). */
  readonly duplicate: number;
  /** Stored, and never sent with that content. */
  readonly unaccounted: number;
}

/** Compares what is stored with what was sent, by (agent, epoch, seq) and the digest of the bytes that hold the packets. */
export async function compareStored(pool: pg.Pool, sent: ReadonlyMap<string, SentSection>): Promise<Found> {
  const { rows } = await pool.query<{ agent: string; epoch: string; seq: string; packets: number; digest: string }>(
    "SELECT agent, epoch, seq, packets, encode(sha256(body), 'hex') AS digest FROM analytics.section",
  );
  const missing = new Map(sent);
  const found = { lost: 0, duplicate: 0, unaccounted: 0 };
  for (const row of rows) {
    const id = sectionId({ ...row, epoch: Number(row.epoch), seq: Number(row.seq) });
    const section = sent.get(id);
    if (section?.digest !== row.digest || section.packets !== row.packets) found.unaccounted += row.packets;
    else if (!missing.delete(id)) found.duplicate += row.packets;
  }
  for (const { packets } of missing.values()) found.lost += packets;
  return found;
}

/** Where a partition's position and its rows differ at one moment; nothing was sent twice. */
export async function rowsBesideOffsets(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ partition: number; next: string; rows: string }>(
    `SELECT partition, next, (SELECT count(*) FROM analytics.section AS s
       WHERE s.log = p.log AND s.partition = p.partition) AS rows
     FROM analytics.position AS p ORDER BY partition`,
  );
  return rows.filter(({ next, rows: stored }) => next !== stored).map((row) => JSON.stringify(row));
}
