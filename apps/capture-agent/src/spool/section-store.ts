import type { Amount } from './amount.js';
import type { RecordHeader } from './record-header.js';

export interface StoredSection {
  readonly header: RecordHeader;
  readonly bytes: Uint8Array;
}

export interface StoreCounts {
  /** Waiting, those in flight included. */
  readonly waiting: Amount;
  /** Given up because the store was full, they were too old, or they can never be delivered. */
  readonly evicted: Amount;
  /** The same by epoch, as far as that is still known. */
  readonly evictedOf: ReadonlyMap<number, Amount>;
  /** Not readable any more, as far as it can be counted. Bytes may be of records that nobody can count. */
  readonly damaged: Amount;
}

/** Sections on their way to the bus, oldest first. Calls may overlap. */
export interface SectionStore {
  /** Looks for sections that came, and gives up the oldest over the limits; never those in flight. */
  refresh(): Promise<void>;
  /** What comes next; undefined when nothing waits. */
  peek(): { readonly epoch: number; readonly seq: number } | undefined;
  /**
   * The oldest sections up to so many bytes, at least one. They are in flight, and their bytes valid, until the next call of
   * these three.
   */
  take(maxBytes: number): Promise<readonly StoredSection[]>;
  /** The bus has what was taken. */
  acknowledge(): Promise<void>;
  /** What was taken can never be delivered: it counts as evicted. */
  giveUp(): Promise<void>;
  readonly counts: StoreCounts;
  close(): Promise<void>;
}
