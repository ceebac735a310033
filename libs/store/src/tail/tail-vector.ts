/** How far one partition of a log is stored, as one statement saw it. Times in Unix µs of the database's clock. */
export interface StoredEnd {
  readonly logId: string;
  readonly partition: number;
  /** Sections below are stored, visible, and never change: one fenced writer commits in the order of offsets. */
  readonly next: bigint;
  /** Names the replacement of the log that its offsets count from; 0n: it never was replaced. */
  readonly replacement: bigint;
  /** When that was; sections from before have the old log's offsets. 0: never. */
  readonly replacedAtUs: number;
  /** No section of it was stored after. */
  readonly movedUs: number;
  /** Whether its log is the one that was taken over last: the others have ended, as one in process does with its process. */
  readonly isNewest: boolean;
}

/** All partitions at one moment. */
export interface StoredEnds {
  readonly ends: readonly StoredEnd[];
  readonly nowUs: number;
  /** Sections that were stored before may have been given up. */
  readonly retainedFromUs: number;
}

/** Where a reader is in one partition. */
export interface TailPlace {
  readonly logId: string;
  readonly partition: number;
  /** Sections below were given out. */
  readonly next: bigint;
  readonly replacement: bigint;
  /** No section at or above `next` was stored before, but for transactions that began earlier. */
  readonly storedFromUs: number;
}

/** A transaction's rows bear the time when it began: so much before its commit at most, clocks that step included. */
export const LONGEST_COMMIT_US = 600_000_000;

/** Whether a reader who saw all at `seenUs` has all of this partition. */
export const isUnmovedSince = ({ movedUs }: StoredEnd, seenUs: number): boolean => movedUs < seenUs - LONGEST_COMMIT_US;

/**
 * Whether a reader at its end need not remember that: what comes all the same is told by the time when it was stored. The
 * newest log is remembered, since only its offsets tell how much of it went while nobody read.
 */
export const isForgettable = (end: StoredEnd, nowUs: number): boolean => !end.isNewest && isUnmovedSince(end, nowUs);

/** Retention gives up nothing that was stored so recently: an hour goes an hour after its end at the earliest. Half of that. */
export const SURELY_KEPT_US = 1_800_000_000;
