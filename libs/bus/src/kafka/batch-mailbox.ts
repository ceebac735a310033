import type { ReceivedRecord } from '../bus.js';
import type { RecordSource, Slice } from '../partition/partition-reader.js';

/** What can be told to the client that fetches one partition. */
export interface FetchControl {
  /** The next fetch asks for this offset. */
  seek(next: bigint): void;
  pause(): void;
  resume(): void;
}

/** Records that were fetched together, and how far the reader is with them. */
class Batch {
  /** Index of the first record that the reader has not committed. */
  at = 0;
  /** Index behind the slice that the reader has. */
  taken = 0;

  constructor(
    /** Offset the next slice is for. */
    public next: bigint,
    readonly records: readonly ReceivedRecord[],
    /** There is more behind it. */
    readonly hasMore: boolean,
    /** Tells kafkajs to go on; more than once changes nothing. */
    readonly settle: (isAccepted: boolean) => void,
  ) {}
}

/**
 * Between kafkajs, which pushes batches and waits, and a reader, which takes records. Where the reader is behind, one batch
 * is with it while kafkajs fetches the next one; that one waits, and kafkajs with it. At the log's end kafkajs waits for the
 * reader: the heartbeats of a batch that is offered tell a reader to let go.
 */
export class BatchMailbox implements RecordSource {
  #batch: Batch | undefined;
  #waiting: Batch | undefined;
  #arrived: () => void = () => undefined;
  #isClosed = false;
  #isParked = true;

  constructor(
    private readonly control: FetchControl,
    private readonly maxReadBytes: number,
    private readonly onCommitted: (next: bigint) => void,
  ) {}

  /**
   * Gives a batch to the reader; `from` is the offset it was fetched for. Resolves when the reader is at it, or without
   * `hasMore` through with it: true when the next fetch shall ask for what comes behind it, false when the reader wants
   * something else, or nothing.
   */
  offer(from: bigint, records: readonly ReceivedRecord[], hasMore: boolean): Promise<boolean> {
    if (this.#isClosed || this.#isParked || this.#waiting !== undefined) return Promise.resolve(false);
    return new Promise((settle) => {
      const batch = new Batch(from, records, hasMore, settle);
      if (this.#batch === undefined) this.#begin(batch);
      else this.#waiting = batch;
    });
  }

  seek(next: bigint): void {
    this.#drop();
    if (this.#isClosed) return;
    this.#isParked = false;
    this.control.seek(next);
    this.control.resume();
    this.onCommitted(next);
  }

  async take(signal: AbortSignal): Promise<Slice | undefined> {
    if (this.#batch === undefined && !signal.aborted) await this.#nextBatch(signal);
    const batch = this.#batch;
    if (batch === undefined) return undefined;
    const start = batch.at;
    for (let bytes = 0; batch.taken < batch.records.length; batch.taken += 1) {
      bytes += batch.records[batch.taken]!.value.byteLength;
      if (bytes > this.maxReadBytes && batch.taken > start) break;
    }
    return { from: batch.next, records: batch.records.slice(start, batch.taken) };
  }

  committed(next: bigint): void {
    const batch = this.#batch;
    const last = batch?.records[batch.taken - 1];
    if (batch === undefined || last === undefined || next !== last.offset + 1n) {
      this.seek(next);
      return;
    }
    batch.at = batch.taken;
    batch.next = next;
    this.onCommitted(next);
    if (batch.at === batch.records.length) this.#goOn();
  }

  park(): void {
    if (!this.#isClosed && !this.#isParked) this.control.pause();
    this.#isParked = true;
    this.#drop();
  }

  /** The partition is no longer this reader's: whatever it still says changes nothing. */
  close(): void {
    this.#isClosed = true;
    this.#drop();
  }

  #begin(batch: Batch): void {
    this.#batch = batch;
    if (batch.hasMore) batch.settle(true);
    this.#arrived();
  }

  #goOn(): void {
    const [done, next] = [this.#batch, this.#waiting];
    this.#batch = undefined;
    this.#waiting = undefined;
    done?.settle(true);
    if (next !== undefined) this.#begin(next);
  }

  #drop(): void {
    const dropped = [this.#batch, this.#waiting];
    this.#batch = undefined;
    this.#waiting = undefined;
    for (const batch of dropped) batch?.settle(false);
  }

  #nextBatch(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#arrived = () => undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#arrived = done;
      signal.addEventListener('abort', done);
    });
  }
}
