import { BpfleetError } from '@bpfleet/errors';
import type pg from 'pg';
import type { HeldPosition } from '../rows.js';
import { isSqlState, SQL_STATE, storeError } from '../store-error.js';
import { writerName } from './writer-name.js';

const ATTEMPTS = 5;

/**
 * Takes a partition over: from now on its former owner commits nothing, not even what it has already sent.
 * The former owner may hang in the middle of a transaction, stopped or cut off, with rows locked. No timeout of
 * Postgres ends one that hangs within COPY (CopyGetData holds off cancels), so its connection is ended from here.
 */
export async function takePosition(
  pool: pg.Pool,
  logId: string,
  partition: number,
  owner: string,
): Promise<HeldPosition> {
  for (let attempt = 1; ; attempt++) {
    try {
      await endWriter(pool, logId, partition);
      const { rows } = await pool.query<Taken>(TAKE, [logId, partition, owner]);
      // Again: one that began before the fence rose can store nothing, but it would hold its locks.
      await endWriter(pool, logId, partition);
      const { next, flows_next: flowsNext, fence, last_record_ms: lastMs } = rows[0]!;
      const offsets = { next: BigInt(next), flowsNext: BigInt(flowsNext) };
      return {
        logId,
        partition,
        ...offsets,
        fence: BigInt(fence),
        lastRecordMs: lastMs === null ? undefined : Number(lastMs),
      };
    } catch (error) {
      if (!isSqlState(error, SQL_STATE.lockNotAvailable)) throw storeError(error);
      if (attempt < ATTEMPTS) continue;
      throw new BpfleetError('STORE_UNAVAILABLE', `partition ${partition} of log ${logId} stays locked`, {
        cause: error,
      });
    }
  }
}

// A position can be deleted, and be made anew: the number of the transaction is above each fence it had before, since every
// owner took one transaction at least.
const TAKE = `
  INSERT INTO analytics.position AS p (log, partition, next, fence, owner)
  VALUES ($1, $2, 0, pg_current_xact_id()::text::bigint, $3)
  ON CONFLICT (log, partition) DO UPDATE SET fence = p.fence + 1, owner = excluded.owner, taken_at = now()
  RETURNING next, flows_next, fence, last_record_ms`;

type Taken = Record<'next' | 'flows_next' | 'fence', string> & { readonly last_record_ms: string | null };

/**
 * Locks the position until the transaction ends.
 * @throws BpfleetError `FENCED` when another owner took it
 */
export async function holdPosition(client: pg.ClientBase, { logId, partition, fence }: HeldPosition): Promise<void> {
  const { rowCount } = await client.query(
    'SELECT FROM analytics.position WHERE log = $1 AND partition = $2 AND fence = $3 FOR UPDATE',
    [logId, partition, fence],
  );
  if (rowCount === 0) throw new BpfleetError('FENCED', `partition ${partition} of log ${logId} is another owner's`);
}

async function endWriter(pool: pg.Pool, logId: string, partition: number): Promise<void> {
  await pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`,
    [writerName(logId, partition)],
  );
}
