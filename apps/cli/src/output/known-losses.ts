import type { KnownLosses } from '@bpfleet/contract';

/** Says what is known to be missing from an answer, each in a few words. */
export function lossTexts(losses: KnownLosses): string[] {
  const { recordsQuarantined, droppedByKernel, lostByAgents, leftOutByAgents, recordsLost } = losses;
  const { sectionsMissing, packetsMissing } = losses;
  return [
    recordsQuarantined > 0 && `${recordsQuarantined} records in quarantine`,
    droppedByKernel > 0 && `${droppedByKernel} dropped by the agents' kernels`,
    lostByAgents > 0 && `${lostByAgents} lost when agents were killed`,
    leftOutByAgents > 0 && `${leftOutByAgents} sampled out or over a budget`,
    sectionsMissing + packetsMissing > 0 && `${sectionsMissing} sections with ${packetsMissing} packets did not come`,
    recordsLost > 0 && `${recordsLost} records given up by Kafka`,
    ...(losses.notRetained ?? []).map(({ since, until }) => `from ${since} to ${until} not all is kept any more`),
  ].filter((text) => text !== false);
}
