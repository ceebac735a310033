import type { Change } from './commit-log.js';

/** A span of time, Unix ms. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** For each partition, how long nothing was committed in it at most; for one that stopped, up to the end of the span. */
export function longestPausesMs(changes: readonly Change[], partitions: number, { fromMs, untilMs }: Span): number[] {
  return Array.from({ length: partitions }, (_, partition) => {
    const commits = changes.filter((change) => change.partition === partition && !change.isTaken);
    const within = commits.map(({ atMs }) => atMs).filter((atMs) => atMs > fromMs && atMs < untilMs);
    const moments = [fromMs, ...within.toSorted((a, b) => a - b), untilMs];
    return Math.max(...moments.slice(1).map((atMs, index) => atMs - moments[index]!));
  });
}
