import type pg from 'pg';
import { CopyEncoder } from '../copy/copy-encoder.js';
import { copyIn } from '../copy/copy-in.js';
import type { CopyTarget } from '../ingest/encode-rows.js';
import { flowHourTarget, flowTenMinutesTarget, mergedMinuteTarget } from '../ingest/encode-rows.js';
import { LoopShare } from '../loop-share.js';
import type { HeldPosition } from '../rows.js';
import { storeError } from '../store-error.js';
import { type FlowSumRow, HOUR_NS, TEN_MINUTES_NS } from './flow-row.js';
import { FlowSums } from './minute-sums.js';

/** Of one transaction. */
const MOST_MINUTES = 20;
const MOST_TRANSACTIONS = 100;

/**
 * Merges the sums that come each five seconds: to one row a minute in place of them, then to one of ten minutes and one an hour
 * beside those. A row
 * is taken and its sum put in one transaction, so that each counts once, whoever asks or merges meanwhile.
 */
export class FlowRollUp {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * Merges what is two minutes old, the ten minutes that ended three minutes ago and the hours that did so five minutes ago.
   * What comes later is merged for itself and adds a row. Several processes may do so at once.
   * @throws BpfleetError `STORE_UNAVAILABLE`
   */
  async round(signal?: AbortSignal): Promise<void> {
    try {
      for (const step of [mergeMinutes, merge(tenMinutes), merge(hour)]) {
        for (let n = 0; n < MOST_TRANSACTIONS && !signal?.aborted; n++) {
          if (!(await this.#inTransaction(step))) break;
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

/** Minutes that are summed up once more; those that are part of it are marked. */
interface Span {
  readonly target: CopyTarget<FlowSumRow>;
  readonly ns: bigint;
  readonly mark: string;
  /** Since its end. */
  readonly after: string;
  /** Of minutes it takes. */
  readonly condition: string;
}
const tenMinutes: Span = {
  ...{ target: flowTenMinutesTarget, ns: TEN_MINUTES_NS, mark: 'is_in_ten_minutes', after: '3 minutes' },
  // An hour answers for those that it has.
  condition: 'm.is_merged AND NOT m.is_in_ten_minutes AND NOT m.is_in_hour',
};
const hour: Span = {
  ...{ target: flowHourTarget, ns: HOUR_NS, mark: 'is_in_hour', after: '5 minutes' },
  condition: 'm.is_merged AND NOT m.is_in_hour',
};

/** The earliest of its kind; tells whether there was one. */
const merge = (span: Span) => async (client: pg.ClientBase) => {
  const { rows } = await client.query<SumRow>(markSql(span), [span.ns]);
  const sums = new FlowSums();
  const share = new LoopShare();
  for (const row of rows.map(sumOf)) {
    await share.next();
    sums.of({ ...row, bucketNs: row.bucketNs - (row.bucketNs % span.ns) }).addSum(row);
  }
  await put(client, span.target, sums.rows());
  return rows.length > 0;
};

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

// What two minutes of a delay leave of one that has ended comes in a row of its own.
const markSql = ({ mark, after, condition }: Span): string => `
  WITH span AS (
    SELECT min(bucket_ns) / $1 * $1 AS begin_ns FROM analytics.flow_minute m
    WHERE ${condition}
      AND bucket_ns < (extract(epoch FROM now() - interval '${after}') * 1000000000)::bigint / $1 * $1
  )
  UPDATE analytics.flow_minute m SET ${mark} = true FROM span
  WHERE m.bucket_ns >= span.begin_ns AND m.bucket_ns < span.begin_ns + $1 AND ${condition}
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
