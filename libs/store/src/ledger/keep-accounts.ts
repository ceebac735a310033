import type pg from 'pg';
import type { SectionRow } from '../rows.js';
import {
  type Accounts,
  type AgentLoss,
  account,
  accountKey,
  type EpochAccount,
  LAST_NS,
  type LateArrival,
  least,
} from './epoch-account.js';

/**
 * Enters sections into the ledger, within the transaction that stores them. An agent's sections come by one partition,
 * which has one writer: nobody else changes these rows between the reading and the writing.
 */
export async function keepAccounts(client: pg.PoolClient, sections: readonly SectionRow[]): Promise<void> {
  if (sections.length === 0) return;
  const { accounts, losses, late } = account(sections, await readAccounts(client, sections));
  await writeAccounts(client, [...accounts.values()]);
  // First: what is late was told missing by an earlier transaction.
  if (late.length > 0) await takeBack(client, late);
  if (losses.length > 0) await writeLosses(client, losses);
}

async function readAccounts(client: pg.PoolClient, sections: readonly SectionRow[]): Promise<Accounts> {
  const epochs = new Map<string, { agent: string; epoch: number }>();
  for (const { agent, epoch, counters } of sections) {
    epochs.set(accountKey({ agent, epoch }), { agent, epoch });
    const ended = counters?.before?.epoch;
    if (ended !== undefined) epochs.set(accountKey({ agent, epoch: ended }), { agent, epoch: ended });
  }
  const wanted = [...epochs.values()];
  const { rows } = await client.query<AccountRow>({
    name: 'read-accounts',
    text: READ_ACCOUNTS,
    values: [wanted.map(({ agent }) => agent), wanted.map(({ epoch }) => epoch)],
  });
  return new Map(rows.map(accountOf).map((one) => [accountKey(one), one]));
}

/** As Postgres gives it: bigints as text. */
export interface AccountRow {
  agent: string;
  epoch: string;
  first_ns: string;
  last_ns: string;
  sections: string;
  packets: string;
  last_seq: string;
  captured: string | null;
  kept: string | null;
  dropped: string | null;
  left_out: string;
  ended_seq: string | null;
}

const countOf = (text: string | null): number | undefined => (text === null ? undefined : Number(text));

export const accountOf = (row: AccountRow): EpochAccount => ({
  agent: row.agent,
  epoch: Number(row.epoch),
  firstNs: BigInt(row.first_ns),
  lastNs: BigInt(row.last_ns),
  sections: Number(row.sections),
  packets: Number(row.packets),
  lastSeq: Number(row.last_seq),
  captured: countOf(row.captured),
  kept: countOf(row.kept),
  dropped: countOf(row.dropped),
  leftOut: Number(row.left_out),
  endedSeq: countOf(row.ended_seq),
});

const READ_ACCOUNTS = `
  SELECT l.* FROM analytics.ledger l
  JOIN unnest($1::text[], $2::bigint[]) AS wanted (agent, epoch) USING (agent, epoch)`;

async function writeAccounts(client: pg.PoolClient, accounts: readonly EpochAccount[]): Promise<void> {
  await client.query({
    name: 'write-accounts',
    text: WRITE_ACCOUNTS,
    values: [
      accounts.map(({ agent }) => agent),
      accounts.map(({ epoch }) => epoch),
      accounts.map(({ firstNs }) => firstNs),
      accounts.map(({ lastNs }) => lastNs),
      accounts.map(({ sections }) => sections),
      accounts.map(({ packets }) => packets),
      accounts.map(({ lastSeq }) => lastSeq),
      accounts.map(({ captured }) => captured ?? null),
      accounts.map(({ kept }) => kept ?? null),
      accounts.map(({ dropped }) => dropped ?? null),
      accounts.map(({ leftOut }) => leftOut),
      accounts.map(({ endedSeq }) => endedSeq ?? null),
    ],
  });
}

const WRITE_ACCOUNTS = `
  INSERT INTO analytics.ledger
    (agent, epoch, first_ns, last_ns, sections, packets, last_seq, captured, kept, dropped, left_out,
      ended_seq)
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
  ON CONFLICT (agent, epoch) DO UPDATE SET
    first_ns = excluded.first_ns, last_ns = excluded.last_ns, sections = excluded.sections, packets = excluded.packets,
    last_seq = excluded.last_seq, captured = excluded.captured, kept = excluded.kept, dropped = excluded.dropped,
    left_out = excluded.left_out, ended_seq = excluded.ended_seq`;

async function writeLosses(client: pg.PoolClient, losses: readonly AgentLoss[]): Promise<void> {
  await client.query(WRITE_LOSSES, [
    losses.map(({ agent }) => agent),
    losses.map(({ epoch }) => epoch),
    losses.map(({ kind }) => kind),
    losses.map(placeOf),
    losses.map(({ fromNs }) => fromNs),
    losses.map(untilOf),
    losses.map(({ sections }) => sections),
    losses.map(({ packets }) => packets),
  ]);
}

/** By which losses are summed. What is left out, day and night where a filter samples, has fewer rows. */
const SPAN_NS = { kernel: 60_000_000_000n, killed: 60_000_000_000n, 'left-out': 600_000_000_000n };

const beginOf = (ns: bigint, spanNs: bigint): bigint => ns - (ns % spanNs);

/** A gap has a row of its own: what is missing may come late. */
const placeOf = ({ kind, firstSeq, toNs }: AgentLoss): number | bigint =>
  kind === 'missing' ? (firstSeq ?? 0) : beginOf(toNs, SPAN_NS[kind]);

/** Of a row that nearly every batch adds to: the span's end, so that no index changes with it. */
const untilOf = ({ kind, toNs }: AgentLoss): bigint =>
  kind === 'left-out' ? least(beginOf(toNs, SPAN_NS[kind]) + SPAN_NS[kind] - 1n, LAST_NS) : toNs;

const WRITE_LOSSES = `
  INSERT INTO analytics.agent_loss AS l (agent, epoch, kind, place, from_ns, to_ns, sections, packets)
  SELECT agent, epoch, kind, place, min(from_ns), max(to_ns), sum(sections), sum(packets)
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
    AS new (agent, epoch, kind, place, from_ns, to_ns, sections, packets)
  GROUP BY agent, epoch, kind, place ORDER BY agent, epoch, kind, place
  ON CONFLICT (agent, epoch, kind, place) DO UPDATE SET
    from_ns = LEAST(l.from_ns, excluded.from_ns), to_ns = GREATEST(l.to_ns, excluded.to_ns),
    sections = l.sections + excluded.sections, packets = l.packets + excluded.packets`;

async function takeBack(client: pg.PoolClient, late: readonly LateArrival[]): Promise<void> {
  await client.query(TAKE_BACK, [
    late.map(({ agent }) => agent),
    late.map(({ epoch }) => epoch),
    late.map(({ seq }) => seq),
    late.map(({ gapSeq }) => gapSeq ?? null),
    late.map(({ sections }) => sections),
    late.map(({ packets }) => packets),
  ]);
}

// Gaps of an epoch do not overlap: a number lies in the one that begins last, of those that do not begin behind it.
const TAKE_BACK = `
  UPDATE analytics.agent_loss l
  SET sections = GREATEST(0, l.sections - came.sections), packets = GREATEST(0, l.packets - came.packets)
  FROM (
    SELECT agent, epoch, place, sum(sections)::bigint AS sections, sum(packets)::bigint AS packets FROM (
      SELECT late.*, COALESCE(gap_seq, (
        SELECT max(gap.place) FROM analytics.agent_loss gap
        WHERE gap.agent = late.agent AND gap.epoch = late.epoch AND gap.kind = 'missing' AND gap.place <= late.seq
      )) AS place
      FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
        AS late (agent, epoch, seq, gap_seq, sections, packets)
    ) AS placed GROUP BY agent, epoch, place
  ) AS came
  WHERE l.agent = came.agent AND l.epoch = came.epoch AND l.kind = 'missing' AND l.place = came.place`;
