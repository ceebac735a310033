import type pg from 'pg';
import { lendConnection } from '../lend-connection.js';
import { storeError } from '../store-error.js';
import { FlowSnapshot } from './flow-snapshot.js';

/**
 * Without `constraint_exclusion`, by which the planner tries to refute each condition by itself: each level of AND and OR by
 * each, so that a chain of 12 pairs `host … or port … and` took it 0.4 s for each partition, and each further pair twice
 * that. Nothing is lost: partitions are left out by their bounds, and flows have no CHECK.
 */
export const BEGIN_SNAPSHOT = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL constraint_exclusion = off';

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
        await client.query(BEGIN_SNAPSHOT);
        const answer = await question(new FlowSnapshot(client, signal));
        await client.query('COMMIT');
        return answer;
      });
    } catch (error) {
      throw signal?.aborted ? signal.reason : storeError(error);
    }
  }
}
