import { BpfleetError } from '@bpfleet/errors';
import type pg from 'pg';
import { CopyEncoder } from '../copy/copy-encoder.js';
import { copyIn } from '../copy/copy-in.js';
import { ensurePartitions } from '../partitions.js';
import type { HeldPosition, IngestBatch, IngestResult, LossRow, QuarantineRow, SectionRow } from '../rows.js';
import { isSqlState, SQL_STATE, storeError } from '../store-error.js';
import { advancesOf, fromMultirange, sectionKey, sortOut, toMultirange } from './dedupe.js';
import { type CopyTarget, flowTarget, isInt8, quarantineTarget, sectionTarget } from './encode-rows.js';
import { hourRange } from './hour-range.js';
import { takePosition } from './take-position.js';
import { writerName } from './writer-name.js';

/**
 * Stores what was read from the log exactly once: rows, what was seen, and the next offset go in one transaction, which
 * only the newest owner of a partition can commit.
 */
export class IngestStore {
  /** Buffers of commits that have ended. */
  readonly #encoders: CopyEncoder[] = [];

  constructor(private readonly pool: pg.Pool) {}

  /**
   * Makes the caller the partition's only owner.
   * @returns where to go on: 0 in a log that was never read
   */
  takePosition(logId: string, partition: number, owner: string): Promise<HeldPosition> {
    return takePosition(this.pool, logId, partition, owner);
  }

  /**
   * Stores a batch, or nothing of it. After an error it is unknown whether it was stored: take the position again.
   * @throws BpfleetError `FENCED` when another owner took the partition, or this batch is stored already;
   *   `STORE_UNAVAILABLE` when Postgres does not answer
   */
  async commit(batch: IngestBatch): Promise<IngestResult> {
    try {
      return await this.#inTransaction(batch).catch(async (error: unknown) => {
        // No partition for this hour: the clock jumped, or this process slept.
        if (!isSqlState(error, SQL_STATE.checkViolation)) throw error;
        await ensurePartitions(this.pool);
        return this.#inTransaction(batch);
      });
    } catch (error) {
      throw storeError(error);
    }
  }

  async #inTransaction(batch: IngestBatch): Promise<IngestResult> {
    const client = await this.pool.connect();
    let failure: Error | undefined;
    try {
      const { logId, partition } = batch.position;
      await client.query(`BEGIN; SET LOCAL application_name = '${writerName(logId, partition)}'`);
      const result = await this.#write(client, batch);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      failure = error as Error;
      throw error;
    } finally {
      // Closed after an error: that rolls back, whatever state the connection is in.
      client.release(failure);
    }
  }

  async #write(client: pg.PoolClient, batch: IngestBatch): Promise<IngestResult> {
    const sections = batch.sections.filter(hasStorableTimes);
    const { fresh, duplicates, conflicts } = sortOut(sections, await markSeen(client, sections));
    const quarantined = [
      ...batch.quarantined,
      ...batch.sections
        .filter((section) => !hasStorableTimes(section))
        .map((row) => setAside(row, 'time-out-of-range')),
      ...conflicts.map((row) => setAside(row, 'identity-conflict')),
    ];
    await this.#copy(client, sectionTarget, batch.position, fresh);
    await this.#copy(client, flowTarget, batch.position, batch.flowsOf(fresh));
    await this.#copy(client, quarantineTarget, batch.position, quarantined);
    if (batch.losses.length > 0) await insertLosses(client, batch.position, batch.losses);
    await advance(client, batch, fresh);
    const packets = fresh.reduce((sum, section) => sum + section.packets, 0);
    return { stored: fresh.length, duplicates: duplicates.length, conflicts: conflicts.length, packets };
  }

  async #copy<Row>(
    client: pg.PoolClient,
    { table, columns, encode }: CopyTarget<Row>,
    position: HeldPosition,
    rows: readonly Row[],
  ): Promise<void> {
    if (rows.length === 0) return;
    const encoder = (this.#encoders.pop() ?? new CopyEncoder()).begin();
    for (const row of rows) encode(encoder, position, row);
    await copyIn(client, `${table} (${columns})`, encoder.finish());
    // Not after an error: the socket may still be sending from it.
    this.#encoders.push(encoder);
  }
}

const hasStorableTimes = (section: SectionRow): boolean => isInt8(section.tsMinNs) && isInt8(section.tsMaxNs);

function setAside(section: SectionRow, reason: 'identity-conflict' | 'time-out-of-range'): QuarantineRow {
  const { offset, agent, epoch, seq, crc32, tsMinNs, tsMaxNs, body } = section;
  return {
    ...{ offset, reason, agent, tsMinNs, tsMaxNs, body, key: agent },
    detail: `${agent}, epoch ${epoch}, sequence ${seq}`,
    headers: { agent, epoch: String(epoch), seq: String(seq), crc32: (crc32 >>> 0).toString(16).padStart(8, '0') },
  };
}

/**
 * Adds the sections to what is seen of their agents, and locks those rows until the transaction ends.
 * @returns those seen before this transaction, by `sectionKey`, with the CRC under which they are stored
 */
async function markSeen(
  client: pg.PoolClient,
  sections: readonly SectionRow[],
): Promise<ReadonlyMap<string, number | undefined>> {
  const stored = new Map<string, number | undefined>();
  if (sections.length === 0) return stored;
  const advances = advancesOf(sections);
  const { rows } = await client.query<{ agent: string; epoch: string; repeated: string }>(MARK_SEEN, [
    advances.map(({ agent }) => agent),
    advances.map(({ epoch }) => epoch),
    advances.map(({ seqs }) => toMultirange(seqs)),
    advances.map(({ firstNs }) => firstNs),
  ]);
  for (const { agent, epoch, repeated } of rows) {
    for (const seq of fromMultirange(repeated)) stored.set(sectionKey({ agent, epoch: Number(epoch), seq }), undefined);
  }
  if (stored.size > 0) await readStoredCrcs(client, sections, stored);
  return stored;
}

// The right side of SET reads the row as it was: `repeated` becomes what was seen before, `seqs` the union.
const MARK_SEEN = `
  INSERT INTO analytics.progress AS p (agent, epoch, seqs, first_ns)
  SELECT * FROM unnest($1::text[], $2::bigint[], $3::int8multirange[], $4::bigint[]) AS new (agent, epoch, seqs, first_ns)
  ON CONFLICT (agent, epoch) DO UPDATE SET repeated = p.seqs * excluded.seqs, seqs = p.seqs + excluded.seqs
  RETURNING agent, epoch, repeated`;

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

async function insertLosses(client: pg.PoolClient, position: HeldPosition, losses: readonly LossRow[]): Promise<void> {
  await client.query(
    `INSERT INTO analytics.loss (log, partition, first_offset, end_offset, reason, detail)
     SELECT $1, $2, * FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[])`,
    [
      position.logId,
      position.partition,
      losses.map(({ firstOffset }) => firstOffset),
      losses.map(({ endOffset }) => endOffset),
      losses.map(({ reason }) => reason),
      losses.map(({ detail }) => detail),
    ],
  );
}

/** Widens the hour's range and moves the position: the last statement, and the one that a fenced owner fails. */
async function advance(client: pg.PoolClient, batch: IngestBatch, fresh: readonly SectionRow[]): Promise<void> {
  const { logId, partition, next, fence } = batch.position;
  const range = hourRange(fresh);
  const { rowCount } = await client.query(
    { name: range ? 'advance-with-range' : 'advance', text: range ? ADVANCE_WITH_RANGE : ADVANCE },
    [logId, partition, next, fence, batch.next, ...(range ?? [])],
  );
  if (rowCount === 1) return;
  throw new BpfleetError('FENCED', `partition ${partition} of log ${logId} is another owner's, or is past ${next}`);
}

const ADVANCE = `
  UPDATE analytics.position SET next = $5 WHERE log = $1 AND partition = $2 AND next = $3 AND fence = $4`;

// LEAST and GREATEST pass over nulls.
const ADVANCE_WITH_RANGE = `
  WITH widened AS (
    INSERT INTO analytics.partition_range AS r (hour, log, partition, ts_min, ts_max, suspect_ts_min, suspect_ts_max)
    VALUES (date_trunc('hour', now(), 'UTC'), $1, $2, $6::bigint, $7::bigint, $8::bigint, $9::bigint)
    ON CONFLICT (hour, log, partition) DO UPDATE SET
      ts_min = LEAST(r.ts_min, excluded.ts_min), ts_max = GREATEST(r.ts_max, excluded.ts_max),
      suspect_ts_min = LEAST(r.suspect_ts_min, excluded.suspect_ts_min),
      suspect_ts_max = GREATEST(r.suspect_ts_max, excluded.suspect_ts_max)
  )${ADVANCE}`;
