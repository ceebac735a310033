/** What one query takes at most, unless it names less. */
export const scanLimits = { rowsTimeMs: 30_000, fileTimeMs: 3_600_000 } as const;

/** Queries that read packets at the same time; each holds up to 4 MiB of sections. */
export const MOST_SCANS = 8;
