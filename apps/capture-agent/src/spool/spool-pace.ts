/** How often the spool does what costs an fdatasync: what was sent in the meantime needs none. */
export interface SpoolPace {
  /** What was appended is made safe from a loss of power so much later. */
  readonly syncAfterMs: number;
  /** Segments that are done are deleted together: those of so long, or so many. */
  readonly removalIntervalMs: number;
  readonly removedAtOnce: number;
}

export const usualPace: SpoolPace = { syncAfterMs: 200, removalIntervalMs: 500, removedAtOnce: 16 };
