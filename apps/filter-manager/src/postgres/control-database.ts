import { hasCode } from '@bpfleet/errors';
import type pg from 'pg';
import type { ChangeFeed } from '../long-poll/change-feed.js';
import type { FilterManagerMetrics } from '../metrics.js';
import { controlError } from './control-error.js';
import type { Queries } from './queries.js';
import { redistribute } from './redistribute.js';

/** A transaction that changes what agents should run. */
export interface FleetChange {
  readonly client: Queries;
  /** Grows with each change; unique to this one. */
  readonly revision: number;
}

/** Transactions over the schema `control`, and the errors of a database that is away. */
export class ControlDatabase {
  constructor(
    private readonly pool: pg.Pool,
    private readonly feed: ChangeFeed,
    private readonly metrics: FilterManagerMetrics,
  ) {}

  /** Reads on any connection. */
  async read<T>(work: (client: Queries) => Promise<T>): Promise<T> {
    try {
      return await work(this.pool);
    } catch (error) {
      throw controlError(error);
    }
  }

  /** Runs `work` in one transaction: all of it happens, or nothing. */
  async transaction<T>(work: (client: Queries) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let broken: Error | undefined;
    try {
      await client.query('BEGIN');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      broken = await rollback(client, error);
      throw controlError(error);
    } finally {
      client.release(broken);
    }
  }

  /**
   * Runs `work`, then gives each agent whose desired state it changed a new generation, in one transaction. These
   * transactions wait for each other, so none works out a state from assignments that another one is changing.
   */
  async change<T>(work: (change: FleetChange) => Promise<T>): Promise<T> {
    const { result, agents } = await this.transaction(async (client) => {
      const { rows } = await client.query<{ revision: string }>(
        'UPDATE control.fleet SET revision = revision + 1 RETURNING revision',
      );
      const result = await work({ client, revision: Number(rows[0]!.revision) });
      return { result, agents: await redistribute(client) };
    });
    this.metrics.generations.inc(agents.length);
    // Other replicas hear it from Postgres; this one need not wait for that, nor depend on it.
    this.feed.changed(agents);
    return result;
  }

  async #connect(): Promise<pg.PoolClient> {
    try {
      return await this.pool.connect();
    } catch (error) {
      throw controlError(error);
    }
  }
}

/** @returns an error when the connection is not fit for further use */
async function rollback(client: pg.PoolClient, error: unknown): Promise<Error | undefined> {
  const meaning = controlError(error);
  if (hasCode(meaning, 'STORE_UNAVAILABLE')) return meaning;
  try {
    await client.query('ROLLBACK');
    return undefined;
  } catch (rollbackError) {
    return rollbackError instanceof Error ? rollbackError : new Error(String(rollbackError));
  }
}
