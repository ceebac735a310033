import type { LogPartition, PartitionHandler, ReceivedRecord } from '../bus.js';
import { Condition } from '../in-process/condition.js';

const never = new AbortController().signal;

/** What ingest keeps in Postgres: positions by (logId, partition), and rows. Consumers of a group share one. */
export class FakeStore {
  readonly positions = new Map<string, bigint>();
  readonly rows: (ReceivedRecord & { partition: number; by: string })[] = [];
  /** Ranges of offsets that the log had no more when they were asked for. */
  readonly losses: { from: bigint; until: bigint }[] = [];
  readonly changed = new Condition();

  get values(): string[] {
    return this.rows.map((row) => Buffer.from(row.value).toString());
  }

  async until(holds: () => boolean): Promise<void> {
    await this.changed.until(holds, never);
  }
}

/** A consumer's handler as ingest writes it: position and rows change together, records are read once. */
export class FakeIngest implements PartitionHandler {
  /** Partitions this consumer has now. */
  readonly held = new Set<number>();
  readonly assignments: { partition: number; from: bigint }[] = [];
  /** Largest number of bytes in the records of one call. */
  maxCallBytes = 0;
  /** Runs before records are stored; a rejection is the handler's. */
  beforeStore: (records: readonly ReceivedRecord[], signal: AbortSignal) => Promise<void> = async () => undefined;
  /** Overrides the answer of one `read`. */
  answer: ((next: bigint) => bigint) | undefined;
  #busy = new Set<number>();
  /** Set when two calls for one partition overlapped, or a record came for a partition that was not held. */
  violation: string | undefined;

  constructor(
    readonly name: string,
    readonly store: FakeStore,
  ) {}

  assigned(log: LogPartition): Promise<bigint> {
    return this.#alone(log, 'assigned', async () => {
      const { first, end } = await log.bounds();
      const stored = this.store.positions.get(keyOf(log));
      const from = stored === undefined || stored < first || stored > end ? first : stored;
      if (stored !== undefined && from !== stored) this.store.losses.push({ from: stored, until: from });
      this.store.positions.set(keyOf(log), from);
      this.held.add(log.partition);
      this.assignments.push({ partition: log.partition, from });
      return from;
    });
  }

  read(log: LogPartition, records: readonly ReceivedRecord[], signal: AbortSignal): Promise<bigint> {
    return this.#alone(log, 'read', async () => {
      if (!this.held.has(log.partition)) this.violation ??= `read of ${log.partition}, which is not assigned`;
      this.maxCallBytes = Math.max(
        this.maxCallBytes,
        records.reduce((sum, { value }) => sum + value.length, 0),
      );
      await this.beforeStore(records, signal);
      const next = this.store.positions.get(keyOf(log)) ?? 0n;
      const fresh = records.filter(({ offset }) => offset >= next);
      // The gap check: what does not go on where the rows end is asked for again.
      if (fresh[0] !== undefined && fresh[0].offset !== next) return next;
      this.store.rows.push(...fresh.map((row) => ({ ...row, partition: log.partition, by: this.name })));
      const after = next + BigInt(fresh.length);
      this.store.positions.set(keyOf(log), after);
      const answer = this.answer;
      this.answer = undefined;
      return answer?.(after) ?? after;
    });
  }

  revoked(log: LogPartition): Promise<void> {
    return this.#alone(log, 'revoked', async () => {
      this.held.delete(log.partition);
    });
  }

  async #alone<T>({ partition }: LogPartition, call: string, work: () => Promise<T>): Promise<T> {
    if (this.#busy.has(partition)) this.violation ??= `${call} of ${partition} overlaps another call`;
    this.#busy.add(partition);
    try {
      return await work();
    } finally {
      this.#busy.delete(partition);
      this.store.changed.changed();
    }
  }
}

function keyOf({ logId, partition }: LogPartition): string {
  return `${logId}/${partition}`;
}
