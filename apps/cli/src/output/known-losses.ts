import type { KnownLosses } from '@bpfleet/contract';

/** Says what is known to be missing from an answer, each in a few words. */
export function lossTexts(losses: KnownLosses): string[] {
  const { recordsQuarantined, droppedByKernel, lostByAgents, leftOutByAgents, recordsLost } = losses;
  return [
    recordsQuarantined > 0 && `${recordsQuarantined} records in quarantine`,
    droppedByKernel > 0 && `${droppedByKernel} dropped by the agents' kernels`,
    lostByAgents > 0 && `${lostByAgents} lost when agents were killed`,
    leftOutByAgents > 0 && `${leftOutByAgents} sampled out or over a budget`,
    missingText(losses),
    recordsLost > 0 && `${recordsLost} records given up by Kafka`,
    ...(losses.notRetained ?? []).map(({ since, until }) => `from ${since} to ${until} not all is kept any more`),
  ].filter((text) => text !== false);
}

/** Behind the last section of an epoch that came, agents tell how many packets are missing, and not in how many sections. */
function missingText({ sectionsMissing, packetsMissing }: KnownLosses): string | false {
  if (sectionsMissing === 0) return packetsMissing > 0 && `${packetsMissing} packets did not come`;
  return `at least ${sectionsMissing} sections with ${packetsMissing} packets did not come`;
}
