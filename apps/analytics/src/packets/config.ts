/** What one query takes at most, unless it names less. */
export const scanLimits = { rowsTimeMs: 30_000, fileTimeMs: 3_600_000 } as const;

/**
 * What one query keeps of sections that overlap in time, until their packets' turn has come. More of it spares reading them
 * again: twice, where half of them did not fit.
 */
export const HELD_BYTES = 16 * 1024 * 1024;

/** Queries that read packets at the same time; each holds up to 4 MiB of sections as they are read, and `HELD_BYTES`. */
export const MOST_SCANS = 8;
/** Of these, capture files: they last as long as their readers take, and rows must find a place beside them. */
export const MOST_FILES = 6;

/**
 * A reader that takes nothing for so long is ended, since it holds one of `MOST_SCANS` places: as long as its query may
 * take, within these bounds. Less than the least would end one on a slow line.
 */
export const STALLED_MS = { least: 10_000, most: 60_000 } as const;

export const stalledMs = (queryMs: number = STALLED_MS.most): number =>
  Math.min(Math.max(queryMs, STALLED_MS.least), STALLED_MS.most);
