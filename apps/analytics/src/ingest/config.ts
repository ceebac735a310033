/** How records go into the store. */
export interface IngestConfig {
  readonly topic: string;
  /** Consumers of one group share the partitions. */
  readonly group: string;
  readonly partitions: number;
  /** Who holds a position, for the person who looks at the table. */
  readonly owner: string;
}

/**
 * One transaction: as long as a batch of 2,500 to 10,000 packets, where the cost of a commit no longer shows and a
 * redelivery after a failure stays short (facts measured in docs/80-decisions).
 */
export const commitLimits = { records: 25, bytes: 4 * 1024 * 1024 } as const;

/** A batch of the log that cannot be decoded so often in a row is given up. */
export const UNREADABLE_TRIES = 3;

/** Partitions by ingest hour are made ahead, and those that have outlived their limits go. */
export const KEEP_PARTITIONS_EVERY_MS = 60_000;
export const MEASURE_LAG_EVERY_MS = 5_000;
/** How often is looked for flows that are old enough to be stored. */
export const STORE_FLOWS_EVERY_MS = 1_000;
/** How often flows' sums are merged to minutes and hours. */
export const ROLL_UP_EVERY_MS = 60_000;
/** While the bus cannot be reached at start. */
export const BEGIN_AGAIN_AFTER_MS = 2_000;
/** How long records of an agent that the registry does not name hold up their partition while the filter-manager is away. */
export const UNKNOWN_AGENTS = { patienceMs: 10_000, retryMs: 1_000 } as const;
