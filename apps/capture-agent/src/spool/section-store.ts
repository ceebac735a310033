import type { RecordHeader, Tally } from './record-header.js';

export interface StoredSection {
  readonly header: RecordHeader;
  readonly bytes: Uint8Array;
}

export interface StoreCounts {
  /** Waiting, those in flight included. */
  readonly waiting: Tally & { readonly bytes: number };
  /** Given up because the store was full or they were too old. */
  readonly evicted: Tally;
  /** Not readable any more. */
  readonly damaged: { readonly sections: number; readonly bytes: number };
}

/** Sections on their way to the bus, oldest first. */
export interface SectionStore {
  /** Looks for sections that came, and gives up the oldest over the limits; never those in flight. */
  refresh(): Promise<void>;
  /** What comes next; undefined when nothing waits. */
  peek(): { readonly epoch: number; readonly seq: number } | undefined;
  /** The oldest sections up to so many bytes, at least one, safe from power loss. In flight until `acknowledge`. */
  take(maxBytes: number): Promise<readonly StoredSection[]>;
  /** The bus has what was taken. */
  acknowledge(): Promise<void>;
  readonly counts: StoreCounts;
  close(): Promise<void>;
}
