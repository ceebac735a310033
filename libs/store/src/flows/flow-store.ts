import type pg from 'pg';
import { lendConnection } from '../lend-connection.js';
import { storeError } from '../store-error.js';
import { FlowSnapshot } from './flow-snapshot.js';

/** Answers questions about flows. */
export class FlowStore {
  constructor(private readonly pool: pg.Pool) {}

  /**
   * Asks in one snapshot: what is a flow already, and which sections have none yet, do not change meanwhile.
   * @throws the signal's reason when it is aborted; BpfleetError `STORE_UNAVAILABLE`, `QUERY_TIMEOUT`
   */
  async ask<Answer>(question: (snapshot: FlowSnapshot) => Promise<Answer>, signal?: AbortSignal): Promise<Answer> {
    try {
      return await lendConnection(this.pool, signal, async (client) => {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
        const answer = await question(new FlowSnapshot(client, signal));
        await client.query('COMMIT');
        return answer;
      });
    } catch (error) {
      throw signal?.aborted ? signal.reason : storeError(error);
    }
  }
}
