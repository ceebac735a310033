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

/** Of epochs that have a file, readable or not; `SessionKeys` implements it. */
export interface KeptKeys {
  has(epoch: number): boolean;
  /** 0: there is none. */
  readonly newest: number;
}

/**
 * How far a spool was sent whose marks are lost. The key of an epoch is kept as long as anything of it waits, the newest
 * always: what begins with epochs before that which have none any more was done. What follows is sent again, and ingest
 * drops what it has; what no key of a later epoch vouches for lost its own with the marks, and nobody can sign it.
 */
export function passedByKeys(walk: Iterable<Walked<ScannedSegment>>, keys: KeptKeys): Passed {
  const sections: { segment: ScannedSegment; amount: Amount }[] = [];
  let end: SpoolPlace | undefined;
  for (const walked of walk) {
    if (walked.found.kind === 'damage') continue;
    const { header } = walked.found;
    if (keys.has(header.epoch) || header.epoch > keys.newest) break;
    sections.push({ segment: walked.segment, amount: amountOf(walked, header) });
    end = walked.end;
  }
  return { end, sections };
}
