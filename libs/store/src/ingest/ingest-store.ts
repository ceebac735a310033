import { encodeRecordHeaders, type SectionHeader } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import type pg from 'pg';
import { CopyEncoder } from '../copy/copy-encoder.js';
import { copyIn } from '../copy/copy-in.js';
import { noteHours } from '../flows/note-hours.js';
import { type SectionWithoutFlows, sectionsWithoutFlows } from '../flows/sections-without-flows.js';
import { keepAccounts } from '../ledger/keep-accounts.js';
import { LoopShare } from '../loop-share.js';
import { ensurePartitions } from '../partitions.js';
import type { HeldPosition, IngestBatch, IngestResult, LossRow, QuarantineRow, SectionRow } from '../rows.js';
import { isSqlState, SQL_STATE, storeError } from '../store-error.js';
import { sortOut } from './dedupe.js';
import {
  type CopyTarget,
  flowMinuteTarget,
  flowTarget,
  isInt8,
  quarantineTarget,
  sectionTarget,
} from './encode-rows.js';
import { hourRange } from './hour-range.js';
import { epochKey, isCapturedBeside, markSeen } from './mark-seen.js';
import { noteConflicts } from './note-conflicts.js';
import { takePosition } from './take-position.js';
import { writerName } from './writer-name.js';

/** What is encoded between two looks at the clock. */
const ROWS_AT_ONCE = 64;

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

  /** What a former owner stored and made no flows of. */
  sectionsWithoutFlows(position: HeldPosition): AsyncIterable<SectionWithoutFlows> {
    return sectionsWithoutFlows(this.pool, position);
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
    const { accepted, refused, stored, newerFirstNs } = await markSeen(client, sections);
    const { fresh, duplicates, conflicts } = sortOut(accepted, stored);
    const overlaps = fresh.filter((section) => isCapturedBeside(section, newerFirstNs.get(epochKey(section))));
    const quarantined = [
      ...batch.quarantined,
      ...batch.sections
        .filter((section) => !hasStorableTimes(section))
        .map((row) => setAside(row, 'time-out-of-range', place(row))),
      ...conflicts.map((row) => setAside(row, 'identity-conflict', `${place(row)}: other bytes are stored there`)),
      ...refused.map((row) => setAside(row, 'identity-conflict', `${place(row)}: another key signs this epoch`)),
    ];
    const written = [...fresh, ...(batch.putBack ?? [])];
    await this.#copy(client, sectionTarget, batch.position, written);
    if (batch.flows) {
      await this.#copy(client, flowTarget, batch.position, batch.flows.flows);
      await this.#copy(client, flowMinuteTarget, batch.position, batch.flows.minutes);
      await noteHours(client, batch.position, batch.flows.minutes);
    }
    await this.#copy(client, quarantineTarget, batch.position, quarantined);
    if (batch.losses.length > 0) await insertLosses(client, batch.position, batch.losses);
    await noteConflicts(client, { 'other-bytes': conflicts, 'other-key': refused, overlap: overlaps });
    await keepAccounts(client, fresh);
    await advance(client, batch, written);
    const packets = fresh.reduce((sum, section) => sum + section.packets, 0);
    return {
      stored: fresh.length,
      fresh,
      duplicates: duplicates.length,
      conflicts: conflicts.length + refused.length,
      overlaps: overlaps.length,
      packets,
    };
  }

  async #copy<Row>(
    client: pg.PoolClient,
    { table, columns, encode }: CopyTarget<Row>,
    position: HeldPosition,
    rows: readonly Row[],
  ): Promise<void> {
    if (rows.length === 0) return;
    const encoder = (this.#encoders.pop() ?? new CopyEncoder()).begin();
    const share = new LoopShare();
    for (let index = 0; index < rows.length; index++) {
      if (index % ROWS_AT_ONCE === 0) await share.next();
      encode(encoder, position, rows[index]!);
    }
    await copyIn(client, `${table} (${columns})`, encoder.finish());
    // Not after an error: the socket may still be sending from it.
    this.#encoders.push(encoder);
  }
}

const hasStorableTimes = (section: SectionRow): boolean => isInt8(section.tsMinNs) && isInt8(section.tsMaxNs);

const place = ({ agent, epoch, seq }: SectionRow): string => `${agent}, epoch ${epoch}, sequence ${seq}`;

/** Its headers as they came: it can be published again. */
function setAside(row: SectionRow, reason: 'identity-conflict' | 'time-out-of-range', detail: string): QuarantineRow {
  const { offset, agent, tsMinNs, tsMaxNs, body, signature } = row;
  const headers = encodeRecordHeaders({ ...row, ...(signature ? { signature } : {}) } as SectionHeader);
  return { ...{ offset, reason, detail, agent, tsMinNs, tsMaxNs, body, headers }, key: agent };
}

async function insertLosses(client: pg.PoolClient, position: HeldPosition, losses: readonly LossRow[]): Promise<void> {
  await client.query(
    `INSERT INTO analytics.loss (log, partition, after_ns, first_offset, end_offset, reason, detail)
     SELECT $1, $2, (SELECT max(ts_max) FROM analytics.partition_range WHERE log = $1 AND partition = $2), *
     FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[])`,
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
async function advance(client: pg.PoolClient, batch: IngestBatch, written: readonly SectionRow[]): Promise<void> {
  const { logId, partition, next, flowsNext, fence } = batch.position;
  const range = hourRange(written);
  const { rowCount } = await client.query(
    { name: range ? 'advance-with-range' : 'advance', text: range ? ADVANCE_WITH_RANGE : ADVANCE },
    [
      ...[logId, partition, next, fence, batch.next, flowsNext],
      ...[batch.flows?.next ?? null, batch.lastRecordMs ?? null, ...(range ?? [])],
    ],
  );
  if (rowCount === 1) return;
  throw new BpfleetError('FENCED', `partition ${partition} of log ${logId} is another owner's, or is past ${next}`);
}

// Where the log begins anew, sections of the old one have its offsets: the minute that a clock may step back passes by them.
// Flows of a part of what was there leave flows_at: the rest is as old.
const ADVANCE = `
  UPDATE analytics.position SET next = $5, moved_at = GREATEST(moved_at, now()), flows_next = COALESCE($7, flows_next),
    flows_at = CASE WHEN $7::bigint IS NULL THEN flows_at WHEN $5 < next THEN now() + interval '1 minute'
      WHEN $7 < next THEN flows_at ELSE now() END,
    last_record_ms = CASE WHEN $5 = next THEN last_record_ms ELSE $8::bigint END
  WHERE log = $1 AND partition = $2 AND next = $3 AND fence = $4 AND flows_next = $6`;

// LEAST and GREATEST pass over nulls.
const ADVANCE_WITH_RANGE = `
  WITH widened AS (
    INSERT INTO analytics.partition_range AS r (hour, log, partition, ts_min, ts_max, suspect_ts_min, suspect_ts_max)
    VALUES (date_trunc('hour', now(), 'UTC'), $1, $2, $9::bigint, $10::bigint, $11::bigint, $12::bigint)
    ON CONFLICT (hour, log, partition) DO UPDATE SET
      ts_min = LEAST(r.ts_min, excluded.ts_min), ts_max = GREATEST(r.ts_max, excluded.ts_max),
      suspect_ts_min = LEAST(r.suspect_ts_min, excluded.suspect_ts_min),
      suspect_ts_max = GREATEST(r.suspect_ts_max, excluded.suspect_ts_max)
  )${ADVANCE}`;
