import type pg from 'pg';
import type { HeldPosition } from '../rows.js';
import { storeError } from '../store-error.js';
import { holdPosition } from './take-position.js';

/** What imports ask of the store besides ingest: an imported file comes again, other than Kafka's records. */
export class ImportStore {
  constructor(private readonly pool: pg.Pool) {}

  /** CRC of each section of this agent that questions find, by its number: without those that retention has given up. */
  async kept(agent: string): Promise<Map<number, number>> {
    try {
      const { rows } = await this.pool.query<{ seq: string; crc32: string }>(KEPT, [agent]);
      return new Map(rows.map(({ seq, crc32 }) => [Number(seq), Number(crc32)]));
    } catch (error) {
      throw storeError(error);
    }
  }

  /** Undefined when retention has dropped it meanwhile. */
  async body(agent: string, seq: number): Promise<Uint8Array | undefined> {
    try {
      const sql = 'SELECT body FROM analytics.section WHERE agent = $1 AND seq = $2';
      return (await this.pool.query<{ body: Buffer }>(sql, [agent, seq])).rows[0]?.body;
    } catch (error) {
      throw storeError(error);
    }
  }

  /**
   * Removes sections that were stored under a name that is not theirs. While others of the import are stored, or flows of
   * them, the position does not move: what belongs there is put back when it comes. Otherwise nothing of it stays.
   * @throws BpfleetError `FENCED` when another owner took the position
   */
  async remove(position: HeldPosition, agent: string, seqs: readonly number[]): Promise<void> {
    const client = await this.pool.connect();
    let failure: Error | undefined;
    try {
      await client.query('BEGIN');
      await holdPosition(client, position);
      await client.query('DELETE FROM analytics.section WHERE agent = $1 AND seq = ANY($2::bigint[])', [agent, seqs]);
      if (!(await isSomethingLeft(client, position, agent))) await forget(client, position, agent);
      await client.query('COMMIT');
    } catch (error) {
      failure = error as Error;
      throw storeError(error);
    } finally {
      client.release(failure);
    }
  }
}

async function isSomethingLeft(client: pg.ClientBase, position: HeldPosition, agent: string): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM analytics.position WHERE log = $1 AND partition = $2
      AND (flows_next > 0 OR EXISTS (SELECT FROM analytics.section WHERE agent = $3))`,
    [position.logId, position.partition, agent],
  );
  return rowCount === 1;
}

/** In the order of a commit, so that one that is still under way and this do not wait for each other. */
async function forget(client: pg.ClientBase, { logId }: HeldPosition, agent: string): Promise<void> {
  for (const table of ['progress', 'ledger', 'agent_loss']) {
    await client.query(`DELETE FROM analytics.${table} WHERE agent = $1`, [agent]);
  }
  for (const table of ['quarantine', 'partition_range', 'position']) {
    await client.query(`DELETE FROM analytics.${table} WHERE log = $1`, [logId]);
  }
}

// A partition that is to be dropped has left partition_range before.
const KEPT = `
  SELECT seq, crc32 FROM analytics.section s WHERE agent = $1 AND EXISTS (
    SELECT FROM analytics.partition_range r
    WHERE r.log = s.log AND r.partition = s.partition AND r.hour = date_trunc('hour', s.ingested_at, 'UTC'))`;
