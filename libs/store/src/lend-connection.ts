import type pg from 'pg';
import { requestCancel } from './cancel-request.js';

/**
 * Lends a connection of the pool for some queries, of which the one under way is cancelled in Postgres when the signal is
 * aborted. `work` begins no other one after that.
 * @throws the signal's reason when it is aborted, also while it waits for a connection; else what `work` throws
 */
export async function lendConnection<Result>(
  pool: pg.Pool,
  signal: AbortSignal | undefined,
  work: (client: pg.PoolClient) => Promise<Result>,
): Promise<Result> {
  signal?.throwIfAborted();
  const client = await pool.connect();
  // While it waited nobody listened.
  if (signal?.aborted) {
    client.release();
    throw signal.reason;
  }
  let cancelled: Promise<void> | undefined;
  const cancel = () => {
    cancelled = requestCancel(client);
  };
  signal?.addEventListener('abort', cancel, { once: true });
  let isSound = false;
  try {
    const result = await work(client);
    isSound = true;
    return result;
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', cancel);
    await cancelled;
    // One that a cancel is on its way to is closed: it would hit the next query.
    client.release(!isSound || cancelled !== undefined);
  }
}
