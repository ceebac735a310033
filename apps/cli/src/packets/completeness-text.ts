import type { Completeness } from '@bpfleet/contract';

/** Says how complete an answer is: what was looked at, and what could not be answered. */
export function completenessText(completeness: Completeness): string {
  const { sectionsScanned, sectionsPruned, packetsScanned, packetsUndecided, recordsQuarantined, droppedByKernel } =
    completeness;
  const { lostByAgents, sectionsMissing, packetsMissing, recordsLost } = completeness;
  const gaps = [
    packetsUndecided > 0 && `${packetsUndecided} undecided, cut off by a snaplen`,
    recordsQuarantined > 0 && `${recordsQuarantined} records in quarantine`,
    droppedByKernel > 0 && `${droppedByKernel} dropped by the agents' kernels`,
    lostByAgents > 0 && `${lostByAgents} lost when agents were killed`,
    sectionsMissing + packetsMissing > 0 && `${sectionsMissing} sections with ${packetsMissing} packets did not come`,
    recordsLost > 0 && `${recordsLost} records given up by Kafka`,
    ...(completeness.notRetained ?? []).map(({ since, until }) => `from ${since} to ${until} not all is kept any more`),
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
