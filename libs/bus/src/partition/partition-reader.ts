import { BpfleetError, hasCode } from '@bpfleet/errors';
import type { LogPartition, PartitionHandler, ReceivedRecord } from '../bus.js';
import { pause, Retries, type RetryDelay } from '../retry-delay.js';

/**
 * Another owner has taken the partition, most likely because the group gave it away. Who is a member no longer hears so with
 * the next heartbeat, a second away at most, and takes nothing back before.
 */
export const FENCED_WAIT_MS = 2_000;

/** Records a source has for its reader, and the offset they were asked for. */
export interface Slice {
  readonly from: bigint;
  readonly records: readonly ReceivedRecord[];
}

/** Where one reader gets its records from. Only the reader calls it, one call at a time. */
export interface RecordSource {
  /** Reading begins, or goes on, at this offset. */
  seek(next: bigint): void;
  /** The next records, never none unless the log has moved; undefined once `signal` aborts. */
  take(signal: AbortSignal): Promise<Slice | undefined>;
  /** The handler has committed all it was given, and goes on at `next`: behind the last record, or earlier. */
  committed(next: bigint): void;
  /** The slice in hand was not committed; nothing is read until the next `seek`. */
  park(): void;
}

/**
 * Reads one partition for one handler: asks where to begin, hands records over in order, one call at a time, and begins
 * anew after a rejection or when the log no longer has the offset that was asked for.
 */
export class PartitionReader {
  readonly #stopping = new AbortController();
  readonly #retries: Retries;
  #ended: Promise<void> = Promise.resolve();
  #wasAssigned = false;
  /** Times in a row that the log had nothing at the handler's offset. */
  #misses = 0;

  constructor(
    readonly handler: PartitionHandler,
    readonly partition: LogPartition,
    private readonly source: RecordSource,
    private readonly onError: (error: unknown) => void,
    delay: RetryDelay,
  ) {
    this.#retries = new Retries(delay);
  }

  /** Whether the handler was ever told of the partition. */
  get wasAssigned(): boolean {
    return this.#wasAssigned;
  }

  start(): void {
    this.#ended = this.#run();
  }

  /** Aborts a `read` that is under way and resolves when the handler has come back from it. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const signal = this.#stopping.signal;
    while (!signal.aborted) {
      try {
        this.#wasAssigned = true;
        await this.#readFrom(await this.handler.assigned(this.partition), signal);
      } catch (error) {
        this.source.park();
        // A handler that stops because it was told to has not failed.
        if (signal.aborted && isAbort(error, signal)) break;
        this.onError(error);
        await this.#waitAfter(error, signal);
      }
    }
    this.source.park();
  }

  #waitAfter(error: unknown, signal: AbortSignal): Promise<void> {
    if (hasCode(error, 'FENCED')) return pause(FENCED_WAIT_MS, signal);
    // The partition is this consumer's as before; where to go on is asked for in any case.
    if (hasCode(error, 'POSITION_UNKNOWN')) return this.#retries.waitFromSecond(signal);
    return this.#retries.wait(signal);
  }

  /** Returns when stopped, or when the log has moved and the handler must say anew where to read. */
  async #readFrom(start: bigint, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    let next = start;
    this.source.seek(next);
    for (;;) {
      const slice = await this.source.take(signal);
      if (slice === undefined || signal.aborted) return;
      if (slice.from !== next) return this.#missed(next, slice.from);
      next = await this.handler.read(this.partition, slice.records, signal);
      this.source.committed(next);
      this.#misses = 0;
      this.#retries.succeeded();
    }
  }

  /** Once is retention at work or a log that was replaced. Twice in a row means that the handler did not take notice. */
  #missed(asked: bigint, got: bigint): void {
    this.#misses += 1;
    this.source.park();
    if (this.#misses === 1) return;
    const { topic, partition } = this.partition;
    throw new BpfleetError('INTERNAL', `${topic}[${partition}] has no offset ${asked}, its log goes on at ${got}`, {
      hint: 'the position answered on assignment must lie within bounds()',
    });
  }
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}
