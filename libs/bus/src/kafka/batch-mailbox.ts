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
  ) {}
}

interface Waiting {
  readonly batch: Batch;
  readonly settle: (isAccepted: boolean) => void;
}

/**
 * Between kafkajs, which pushes batches and waits, and a reader, which takes records. One batch is with the reader while
 * kafkajs fetches the next one; that one waits, and kafkajs with it, so that nothing more is fetched for a partition
 * whose reader is behind.
 */
export class BatchMailbox implements RecordSource {
  #batch: Batch | undefined;
  #waiting: Waiting | undefined;
  #arrived: () => void = () => undefined;
  #isClosed = false;
  #isParked = true;

  constructor(
    private readonly control: FetchControl,
    private readonly maxReadBytes: number,
    private readonly onCommitted: (next: bigint) => void,
  ) {}

  /**
   * Gives a batch to the reader; `from` is the offset it was fetched for. Resolves when the reader is at it: true when the
   * next fetch shall ask for what comes behind it, false when the reader wants something else, or nothing.
   */
  offer(from: bigint, records: readonly ReceivedRecord[]): Promise<boolean> {
    if (this.#isClosed || this.#isParked || this.#waiting !== undefined) return Promise.resolve(false);
    const batch = new Batch(from, records);
    if (this.#batch !== undefined) {
      return new Promise((settle) => {
        this.#waiting = { batch, settle };
      });
    }
    this.#batch = batch;
    this.#arrived();
    return Promise.resolve(true);
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

  #goOn(): void {
    const waiting = this.#waiting;
    this.#batch = waiting?.batch;
    this.#waiting = undefined;
    waiting?.settle(true);
  }

  #drop(): void {
    const waiting = this.#waiting;
    this.#batch = undefined;
    this.#waiting = undefined;
    waiting?.settle(false);
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
