import type pg from 'pg';
import type { PartitionedClass } from '../partitions/partitioned-tables.js';
import { liftTimeLimits } from '../pool.js';
import { isSqlState, SQL_STATE, storeError } from '../store-error.js';
import { deleteOldRows } from './delete-old-rows.js';
import { dropPartition, leave, leavingPartitions } from './drop-partition.js';
import { type Limits, type Outlived, outlived } from './outlived.js';
import { listPartitions } from './partition-list.js';

/** How long each class is kept, and how large it may become. */
export interface RetentionPolicy extends Readonly<Record<PartitionedClass | 'quarantine', Limits>> {
  readonly loss: Pick<Limits, 'hours'>;
}

export interface Round {
  readonly left: readonly Outlived[];
  readonly deletedRows: number;
  /** Partitions that are still read: the next round drops them. No query looks for them any more. */
  readonly waiting: readonly string[];
}

const CLASSES: readonly PartitionedClass[] = ['section', 'flow', 'rollup'];
/** Of one class, in one round. */
const MOST_PARTITIONS = 6;
/** An ATTACH waits as long, so it must not be long. */
const DETACH_TIMEOUT_MS = 5_000;

/** Gives up what is too old or too much, and remembers what that was. */
export class RetentionStore {
  /** @param detachTimeoutMs how long a partition that is still read is waited for, in each round */
  constructor(
    private readonly pool: pg.Pool,
    private readonly detachTimeoutMs = DETACH_TIMEOUT_MS,
  ) {}

  /** @returns undefined while another process is at it. */
  async retain(policy: RetentionPolicy): Promise<Round | undefined> {
    try {
      return await this.#alone((client) => retain(client, policy));
    } catch (error) {
      throw storeError(error);
    }
  }

  /** With the lock that one process has at a time, on a connection of its own limits. */
  async #alone<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T | undefined> {
    const client = await this.pool.connect();
    try {
      await liftTimeLimits(client);
      await client.query(`SET lock_timeout = ${this.detachTimeoutMs}`);
      const { rows } = await client.query<{ is_ours: boolean }>(
        "SELECT pg_try_advisory_lock(hashtext('bpfleet-retention')) AS is_ours",
      );
      if (!rows[0]!.is_ours) return undefined;
      const result = await work(client);
      // Now, and not when Postgres notices that the connection is closed.
      await client.query("SELECT pg_advisory_unlock(hashtext('bpfleet-retention'))");
      return result;
    } finally {
      // Closed: the settings go with it, and the lock after an error.
      client.release(true);
    }
  }
}

async function retain(client: pg.ClientBase, policy: RetentionPolicy): Promise<Round> {
  const { nowMs, partitions } = await listPartitions(client);
  const known = new Set((await leavingPartitions(client)).map(({ name }) => name));
  const left: Outlived[] = [];
  for (const one of CLASSES) {
    const ofClass = partitions.filter((partition) => partition.class === one && !known.has(partition.name));
    left.push(...outlived(ofClass, policy[one], nowMs, MOST_PARTITIONS));
  }
  for (const one of left) await leave(client, one);
  const waiting = new Map<string, string[]>();
  for (const leaving of await leavingPartitions(client)) {
    // One partition of a table at a time may be half detached: the others wait for it.
    const ofTable = waiting.get(leaving.parent);
    if (ofTable !== undefined) ofTable.push(leaving.name);
    else if (!(await isDropped(client, leaving))) waiting.set(leaving.parent, [leaving.name]);
  }
  return { left, waiting: [...waiting.values()].flat(), deletedRows: await deleteOldRows(client, policy) };
}

async function isDropped(client: pg.ClientBase, leaving: { name: string; parent: string }): Promise<boolean> {
  try {
    await dropPartition(client, leaving);
    return true;
  } catch (error) {
    if (!isSqlState(error, SQL_STATE.lockNotAvailable)) throw error;
    return false;
  }
}
