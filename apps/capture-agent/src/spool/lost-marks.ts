import type { Amount } from './amount.js';
import { amountOf } from './read-batch.js';
import type { ScannedSegment } from './segment-scan.js';
import type { SpoolPlace } from './spool-folder.js';
import type { Walked } from './walk-spool.js';

/** Sections from the first on that need not be sent, up to `end`; that is undefined where there are none. */
export interface Passed {
  readonly end: SpoolPlace | undefined;
  readonly sections: readonly { readonly segment: ScannedSegment; readonly amount: Amount }[];
}

/**
 * How far a spool was sent whose marks are lost. The key of an epoch is kept as long as anything of it waits: what
 * begins with epochs that have none any more was done. What follows is sent again, and ingest drops what it has.
 */
export function passedByKeys(walk: Iterable<Walked<ScannedSegment>>, hasKey: (epoch: number) => boolean): Passed {
  const sections: { segment: ScannedSegment; amount: Amount }[] = [];
  let end: SpoolPlace | undefined;
  for (const walked of walk) {
    if (walked.found.kind === 'damage') continue;
    if (hasKey(walked.found.header.epoch)) break;
    sections.push({ segment: walked.segment, amount: amountOf(walked, walked.found.header) });
    end = walked.end;
  }
  return { end, sections };
}
