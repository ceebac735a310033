/** Offsets `[from, to)` that the log should have had between the stored position and what it delivered. */
export interface OffsetGap {
  readonly from: bigint;
  readonly to: bigint;
}

/** What to do about a gap. */
export type GapDecision =
  /** The client may have lost records that the log has: read again from `from`. */
  | 'read-again'
  /** The log has no records there (transaction markers, aborted batches): go on behind it. */
  | 'legal'
  /** Retention was faster than we: `lost` is gone, what is left of the gap is decided anew. */
  | { readonly lost: OffsetGap };

/**
 * Decides about a gap (design: "Ingest: exactly once"). Re-reading once turns a record that the client dropped into a
 * delay instead of a silent loss; when the log itself answers the same gap again, there is nothing in it.
 * @param logFirst first offset the log still has, asked after the gap was seen
 * @param readAgain the gap that the last `read-again` was for, if any
 */
export function decideGap(gap: OffsetGap, logFirst: bigint, readAgain: OffsetGap | undefined): GapDecision {
  if (logFirst > gap.from) return { lost: { from: gap.from, to: logFirst < gap.to ? logFirst : gap.to } };
  if (readAgain?.from === gap.from && readAgain.to === gap.to) return 'legal';
  return 'read-again';
}
