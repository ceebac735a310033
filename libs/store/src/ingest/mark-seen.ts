import type pg from 'pg';
import type { SectionRow } from '../rows.js';
import { advancesOf, type EpochAdvance, fromMultirange, oneKeyEach, sectionKey, toMultirange } from './dedupe.js';

/** How much later than the begin of a newer epoch packets of an older one may be: its last ones, as it ended. */
const TAKEOVER_NS = 1_000_000_000n;

/** Whether it was captured while a newer epoch of its agent ran already. */
export const isCapturedBeside = (section: SectionRow, newerFirstNs: bigint | undefined): boolean =>
  newerFirstNs !== undefined && section.tsMinNs > newerFirstNs + TAKEOVER_NS;

export interface Marked {
  /** Of the key that signs their epoch. */
  readonly accepted: readonly SectionRow[];
  /** Of another key. */
  readonly refused: readonly SectionRow[];
  /** Those seen before this transaction, by `sectionKey`, with the CRC under which they are stored. */
  readonly stored: ReadonlyMap<string, number | undefined>;
  /** When the first newer epoch of the agent began, by `epochKey`. */
  readonly newerFirstNs: ReadonlyMap<string, bigint>;
}

/** Adds the sections to what is seen of their agents, and locks those rows until the transaction ends. */
export async function markSeen(client: pg.PoolClient, sections: readonly SectionRow[]): Promise<Marked> {
  const accepted: SectionRow[] = [];
  const refused: SectionRow[] = [];
  const stored = new Map<string, number | undefined>();
  const newerFirstNs = new Map<string, bigint>();
  // More than once only where several keys sign one epoch.
  for (let rest = sections; rest.length > 0; ) {
    const { first, others } = oneKeyEach(rest);
    const advances = advancesOf(first);
    const keys = await mark(client, advances, stored, newerFirstNs);
    const isOther = ({ sessionKey }: SectionRow, known: string | undefined) =>
      sessionKey !== undefined && known !== undefined && sessionKey !== known;
    const refusedEpochs = new Set(first.filter((one) => isOther(one, keys.get(epochKey(one)))).map(epochKey));
    accepted.push(...first.filter((one) => !refusedEpochs.has(epochKey(one))));
    refused.push(...first.filter((one) => isOther(one, keys.get(epochKey(one)))));
    const unsigned = first.filter((one) => refusedEpochs.has(epochKey(one)) && one.sessionKey === undefined);
    rest = [...unsigned, ...others];
  }
  if (stored.size > 0) await readStoredCrcs(client, accepted, stored);
  return { accepted, refused, stored, newerFirstNs };
}

/** Names an epoch of an agent in the maps here. */
export const epochKey = ({ agent, epoch }: { agent: string; epoch: number }): string => `${agent} ${epoch}`;

/** @returns the keys that sign these epochs, by `epochKey` */
async function mark(
  client: pg.PoolClient,
  advances: readonly EpochAdvance[],
  stored: Map<string, number | undefined>,
  newerFirstNs: Map<string, bigint>,
): Promise<Map<string, string | undefined>> {
  const keys = new Map<string, string | undefined>();
  const { rows } = await client.query<{
    agent: string;
    epoch: string;
    repeated: string;
    session_key: string | null;
    newer_ns: string | null;
  }>(MARK_SEEN, [
    advances.map(({ agent }) => agent),
    advances.map(({ epoch }) => epoch),
    advances.map(({ seqs }) => toMultirange(seqs)),
    advances.map(({ firstNs }) => firstNs),
    advances.map(({ sessionKey }) => sessionKey ?? null),
  ]);
  for (const row of rows) {
    const { agent } = row;
    const epoch = Number(row.epoch);
    keys.set(epochKey({ agent, epoch }), row.session_key ?? undefined);
    for (const seq of fromMultirange(row.repeated)) stored.set(sectionKey({ agent, epoch, seq }), undefined);
    const beginnings = advances
      .filter((other) => other.agent === agent && other.epoch > epoch)
      .map(({ firstNs }) => firstNs);
    if (row.newer_ns !== null) beginnings.push(BigInt(row.newer_ns));
    for (const firstNs of beginnings) {
      const known = newerFirstNs.get(epochKey({ agent, epoch }));
      if (known === undefined || firstNs < known) newerFirstNs.set(epochKey({ agent, epoch }), firstNs);
    }
  }
  return keys;
}

// The right side of SET reads the row as it was: `repeated` becomes what was seen before, `seqs` the union. An epoch stays
// with its first key: what another one signed changes nothing.
const MARK_SEEN = `
  INSERT INTO analytics.progress AS p (agent, epoch, seqs, first_ns, session_key)
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::int8multirange[], $4::bigint[], $5::text[])
    AS new (agent, epoch, seqs, first_ns, session_key)
  ON CONFLICT (agent, epoch) DO UPDATE SET
    repeated = CASE WHEN (p.session_key = excluded.session_key) IS NOT FALSE THEN p.seqs * excluded.seqs ELSE '{}' END,
    seqs = CASE WHEN (p.session_key = excluded.session_key) IS NOT FALSE THEN p.seqs + excluded.seqs ELSE p.seqs END,
    session_key = COALESCE(p.session_key, excluded.session_key)
  RETURNING agent, epoch, repeated, session_key,
    (SELECT min(n.first_ns) FROM analytics.progress n WHERE n.agent = p.agent AND n.epoch > p.epoch) AS newer_ns`;

async function readStoredCrcs(
  client: pg.PoolClient,
  sections: readonly SectionRow[],
  stored: Map<string, number | undefined>,
): Promise<void> {
  const repeated = sections.filter((section) => stored.has(sectionKey(section)));
  const { rows } = await client.query<{ agent: string; epoch: string; seq: string; crc32: string }>(STORED_CRCS, [
    repeated.map(({ agent }) => agent),
    repeated.map(({ epoch }) => epoch),
    repeated.map(({ seq }) => seq),
  ]);
  for (const { agent, epoch, seq, crc32 } of rows) {
    stored.set(sectionKey({ agent, epoch: Number(epoch), seq: Number(seq) }), Number(crc32));
  }
}

const STORED_CRCS = `
  SELECT agent, epoch, seq, crc32 FROM analytics.section
  JOIN unnest($1::text[], $2::bigint[], $3::bigint[]) AS wanted (agent, epoch, seq) USING (agent, epoch, seq)`;
