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

  /** What the ledger says of this agent; undefined: nothing. */
  async account(agent: string): Promise<ImportAccount | undefined> {
    try {
      const { rows } = await this.pool.query<Record<keyof ImportAccount, string>>(ACCOUNT, [agent]);
      const row = rows[0];
      if (row === undefined) return undefined;
      const times = { firstNs: BigInt(row.firstNs), lastNs: BigInt(row.lastNs) };
      return { sections: Number(row.sections), packets: Number(row.packets), ...times };
    } catch (error) {
      throw storeError(error);
    }
  }

  /**
   * Removes sections that were stored under a name that is not theirs, or of which that is not known. Before there are
   * flows that is true of all sections of the import: nothing of it stays. Behind that the file was stored as a whole once,
   * and its account is put back to what it was.
   * @throws BpfleetError `FENCED` when another owner took the position
   */
  remove(
    position: HeldPosition,
    agent: string,
    seqs: readonly number[],
    account: ImportAccount | undefined,
  ): Promise<void> {
    return this.#holding(position, async (client) => {
      if (position.flowsNext === 0n) return forget(client, position, agent);
      await client.query('DELETE FROM analytics.section WHERE agent = $1 AND seq = ANY($2::bigint[])', [agent, seqs]);
      if (account) await keepAccount(client, position, agent, account);
    });
  }

  /**
   * Enters the file as a whole, whatever calls that ended in the middle have entered of it, and of others under its digest.
   * What those stored behind its end is removed. What retention had given up of its sections is stored again, and no longer said
   * to be gone; not so of its flows, which are not made twice.
   * @throws BpfleetError `FENCED` when another owner took the position
   */
  settle(position: HeldPosition, agent: string, account: ImportAccount): Promise<void> {
    return this.#holding(position, async (client) => {
      await client.query('DELETE FROM analytics.section WHERE agent = $1 AND seq >= $2', [agent, account.sections]);
      await keepAccount(client, position, agent, account);
      await client.query(RETAINED_AGAIN, [agent, account.sections]);
    });
  }

  /** In a transaction that only the position's owner can commit. */
  async #holding(position: HeldPosition, work: (client: pg.ClientBase) => Promise<void>): Promise<void> {
    const client = await this.pool.connect();
    let failure: Error | undefined;
    try {
      await client.query('BEGIN');
      await holdPosition(client, position);
      await work(client);
      await client.query('COMMIT');
    } catch (error) {
      failure = error as Error;
      throw storeError(error);
    } finally {
      client.release(failure);
    }
  }
}

/** Of an import's sections, numbered from 0. Times in Unix ns. */
export interface ImportAccount {
  readonly sections: number;
  readonly packets: number;
  readonly firstNs: bigint;
  readonly lastNs: bigint;
}

const ACCOUNT = `
  SELECT sections, packets, first_ns AS "firstNs", last_ns AS "lastNs" FROM analytics.ledger WHERE agent = $1`;

/** What is entered, seen, and passed by are the same sections. In the order of a commit, as in `forget`. */
async function keepAccount(
  client: pg.ClientBase,
  { logId, partition }: HeldPosition,
  agent: string,
  { sections, packets, firstNs, lastNs }: ImportAccount,
): Promise<void> {
  await client.query('UPDATE analytics.progress SET seqs = int8multirange(int8range(0, $2::bigint)) WHERE agent = $1', [
    agent,
    sections,
  ]);
  await client.query(
    `UPDATE analytics.ledger SET sections = $2::bigint, packets = $3, first_ns = $4, last_ns = $5, last_seq = $2::bigint - 1
     WHERE agent = $1`,
    [agent, sections, packets, firstNs, lastNs],
  );
  await client.query(
    'UPDATE analytics.position SET next = GREATEST($3, flows_next) WHERE log = $1 AND partition = $2',
    [logId, partition, sections],
  );
}

/** In the order of a commit, so that one that is still under way and this do not wait for each other. */
async function forget(client: pg.ClientBase, { logId }: HeldPosition, agent: string): Promise<void> {
  for (const table of ['progress', 'section', 'ledger', 'agent_loss']) {
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

// Not where retention took some while the file was read: then the file is not stored as a whole. One statement: it sees all of
// what a transaction of retention writes, or nothing.
const RETAINED_AGAIN = `
  DELETE FROM analytics.not_retained
  WHERE class = 'section' AND agent = $1 AND $2 = (SELECT count(*) FROM (${KEPT}) AS kept)`;
