import type { ReceivedRecord } from '../bus.js';
import type { RecordSource, Slice } from '../partition/partition-reader.js';

/** What can be told to the client that fetches one partition. */
export interface FetchControl {
  /** The next fetch asks for this offset. */
  seek(next: bigint): void;
  pause(): void;
  resume(): void;
}

interface Offer {
  readonly records: readonly ReceivedRecord[];
  /** Index of the first record that the reader has not committed. */
  at: number;
  /** Offset the next slice is for. */
  next: bigint;
  /** Index behind the slice that the reader has. */
  taken: number;
  readonly settle: (isCommitted: boolean) => void;
}

/**
 * Between kafkajs, which pushes batches and waits, and a reader, which takes records: holds one batch at most, so that
 * nothing is fetched for a partition whose reader is behind.
 */
export class BatchMailbox implements RecordSource {
  #offer: Offer | undefined;
  #arrived: () => void = () => undefined;
  #isClosed = false;
  #isParked = true;

  constructor(
    private readonly control: FetchControl,
    private readonly maxReadBytes: number,
    private readonly onCommitted: (next: bigint) => void,
  ) {}

  /**
   * Gives a batch to the reader; `from` is the offset it was fetched for. Resolves when the reader is through with it:
   * true when all is committed, false when it wants something else, or nothing.
   */
  offer(from: bigint, records: readonly ReceivedRecord[]): Promise<boolean> {
    if (this.#isClosed || this.#isParked || this.#offer !== undefined) return Promise.resolve(false);
    return new Promise((settle) => {
      this.#offer = { records, at: 0, next: from, taken: 0, settle };
      this.#arrived();
    });
  }

  seek(next: bigint): void {
    this.#settle(false);
    if (this.#isClosed) return;
    this.#isParked = false;
    this.control.seek(next);
    this.control.resume();
    this.onCommitted(next);
  }

  async take(signal: AbortSignal): Promise<Slice | undefined> {
    if (this.#offer === undefined && !signal.aborted) await this.#nextOffer(signal);
    const offer = this.#offer;
    if (offer === undefined) return undefined;
    const start = offer.at;
    for (let bytes = 0; offer.taken < offer.records.length; offer.taken += 1) {
      bytes += offer.records[offer.taken]!.value.byteLength;
      if (bytes > this.maxReadBytes && offer.taken > start) break;
    }
    return { from: offer.next, records: offer.records.slice(start, offer.taken) };
  }

  committed(next: bigint): void {
    const offer = this.#offer;
    const last = offer?.records[offer.taken - 1];
    if (offer === undefined || last === undefined || next !== last.offset + 1n) {
      this.seek(next);
      return;
    }
    offer.at = offer.taken;
    offer.next = next;
    this.onCommitted(next);
    if (offer.at === offer.records.length) this.#settle(true);
  }

  park(): void {
    if (!this.#isClosed && !this.#isParked) this.control.pause();
    this.#isParked = true;
    this.#settle(false);
  }

  /** The partition is no longer this reader's: whatever it still says changes nothing. */
  close(): void {
    this.#isClosed = true;
    this.#settle(false);
  }

  #settle(isCommitted: boolean): void {
    const offer = this.#offer;
    this.#offer = undefined;
    offer?.settle(isCommitted);
  }

  #nextOffer(signal: AbortSignal): Promise<void> {
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
