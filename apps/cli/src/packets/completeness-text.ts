import type { Completeness } from '@bpfleet/contract';
import { lossTexts } from '../output/known-losses.js';

/** Says how complete an answer is: what was looked at, and what could not be answered. */
export function completenessText(completeness: Completeness): string {
  const { sectionsScanned, sectionsPruned, packetsScanned, packetsUndecided } = completeness;
  const gaps = [
    packetsUndecided > 0 &&
      `${packetsUndecided} undecided, cut off by a snaplen, of a link type that filters do not know, or of an unknown direction`,
    ...lossTexts(completeness),
    !completeness.rangeScanned && STOPPED_BY[completeness.stoppedBy ?? 'limit'],
  ].filter((gap) => gap !== false);
  const scanned = `${packetsScanned} scanned in ${sectionsScanned} sections`;
  // They hold no match for certain: nothing is missing.
  const others = sectionsPruned > 0 ? `, ${sectionsPruned} others left out by their index` : '';
  return [scanned + others, ...gaps].join('; ');
}

const STOPPED_BY = {
  limit: 'there may be more: raise --limit',
  time: 'the time was up: ask for a shorter range, or raise --timeout',
  packets: 'so many packets are scanned at most: ask for a shorter range',
} as const;
