import type pg from 'pg';
import { CopyEncoder } from '../copy/copy-encoder.js';
import { copyIn } from '../copy/copy-in.js';
import type { CopyTarget } from '../ingest/encode-rows.js';
import { flowHourTarget, mergedMinuteTarget } from '../ingest/encode-rows.js';
import { LoopShare } from '../loop-share.js';
import type { HeldPosition } from '../rows.js';
import { storeError } from '../store-error.js';
import { type FlowSumRow, HOUR_NS } from './flow-row.js';
import { FlowSums } from './minute-sums.js';

/** Of one transaction. */
const MOST_MINUTES = 20;
const MOST_TRANSACTIONS = 100;

/**
 * Merges the sums that come each five seconds: to one row a minute in place of them, then to one an hour beside those. A row
 * is taken and its sum put in one transaction, so that each counts once, whoever asks or merges meanwhile.
 */
export class FlowRollUp {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * Merges what is two minutes old, and the hours that ended five minutes ago. What comes later is merged for itself and
   * adds a row. Several processes may do so at once.
   * @throws BpfleetError `STORE_UNAVAILABLE`
   */
  async round(signal?: AbortSignal): Promise<void> {
    try {
      for (const merge of [mergeMinutes, mergeHour]) {
        for (let n = 0; n < MOST_TRANSACTIONS && !signal?.aborted; n++) {
          if (!(await this.#inTransaction(merge))) break;
        }
      }
    } catch (error) {
      throw storeError(error);
    }
  }

  async #inTransaction(work: (client: pg.ClientBase) => Promise<boolean>): Promise<boolean> {
    const client = await this.pool.connect();
    let failure: Error | undefined;
    try {
      await client.query('BEGIN');
      const { rows } = await client.query<{ is_ours: boolean }>(
        "SELECT pg_try_advisory_xact_lock(hashtext('bpfleet-flow-roll-up')) AS is_ours",
      );
      const found = rows[0]!.is_ours && (await work(client));
      await client.query('COMMIT');
      return found;
    } catch (error) {
      failure = error as Error;
      throw error;
    } finally {
      // Closed after an error: that rolls back.
      client.release(failure);
    }
  }
}

/** @returns whether there was something to merge */
async function mergeMinutes(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<SumRow>(TAKE_MINUTES);
  const sums = new FlowSums();
  const share = new LoopShare();
  for (const row of rows.map(sumOf)) {
    await share.next();
    sums.of(row).addSum(row);
  }
  await put(client, mergedMinuteTarget, sums.rows());
  return rows.length > 0;
}

async function mergeHour(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<SumRow>(MARK_HOUR, [HOUR_NS]);
  const sums = new FlowSums();
  const share = new LoopShare();
  for (const row of rows.map(sumOf)) {
    await share.next();
    sums.of({ ...row, bucketNs: row.bucketNs - (row.bucketNs % HOUR_NS) }).addSum(row);
  }
  await put(client, flowHourTarget, sums.rows());
  return rows.length > 0;
}

const COLUMNS = `m.bucket_ns, m.agent, m.filters, m.weights, m.packets, m.bytes, m.other_packets, m.other_bytes,
  m.unclear_packets, m.unclear_bytes, m.services, m.hosts`;

const TAKE_MINUTES = `
  WITH minutes AS (
    SELECT DISTINCT bucket_ns FROM analytics.flow_minute
    WHERE NOT is_merged AND ingested_at < now() - interval '2 minutes' ORDER BY bucket_ns LIMIT ${MOST_MINUTES}
  )
  DELETE FROM analytics.flow_minute m USING minutes
  WHERE m.bucket_ns = minutes.bucket_ns AND NOT m.is_merged AND m.ingested_at < now() - interval '2 minutes'
  RETURNING ${COLUMNS}`;

// What two minutes of a delay leave of an hour that has ended comes in a row of its own.
const MARK_HOUR = `
  WITH hour AS (
    SELECT min(bucket_ns) / $1 * $1 AS begin_ns FROM analytics.flow_minute
    WHERE is_merged AND NOT is_in_hour
      AND bucket_ns < (extract(epoch FROM date_trunc('hour', now() - interval '5 minutes', 'UTC')) * 1000000000)::bigint
  )
  UPDATE analytics.flow_minute m SET is_in_hour = true FROM hour
  WHERE m.bucket_ns >= hour.begin_ns AND m.bucket_ns < hour.begin_ns + $1 AND m.is_merged AND NOT m.is_in_hour
  RETURNING ${COLUMNS}`;

interface SumRow {
  readonly bucket_ns: string;
  readonly agent: string;
  readonly filters: string;
  readonly weights: string;
  readonly packets: string;
  readonly bytes: string;
  readonly other_packets: string;
  readonly other_bytes: string;
  readonly unclear_packets: string;
  readonly unclear_bytes: string;
  readonly services: Buffer;
  readonly hosts: Buffer;
}

const sumOf = ({ agent, filters, weights, services, hosts, ...row }: SumRow): FlowSumRow => ({
  ...{ agent, filters, weights, services, hosts, bucketNs: BigInt(row.bucket_ns) },
  ...{ packets: Number(row.packets), bytes: Number(row.bytes) },
  ...{ otherPackets: Number(row.other_packets), otherBytes: Number(row.other_bytes) },
  ...{ unclearPackets: Number(row.unclear_packets), unclearBytes: Number(row.unclear_bytes) },
});

/** Sums are of no partition of the log. */
const NO_POSITION: HeldPosition = { logId: '', partition: 0, next: 0n, flowsNext: 0n, fence: 0n };

async function put(
  client: pg.ClientBase,
  { table, columns, encode }: CopyTarget<FlowSumRow>,
  rows: readonly FlowSumRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const encoder = new CopyEncoder().begin();
  for (const row of rows) encode(encoder, NO_POSITION, row);
  await copyIn(client, `${table} (${columns})`, encoder.finish());
}
