import type { PacketAnswer, PacketRow } from '@bpfleet/contract';
import { type Column, table } from '../output/columns.js';
import type { Terminal } from '../terminal.js';

const columns: readonly Column<PacketRow>[] = [
  { title: 'TIME', value: (packet) => packet.at },
  { title: 'AGENT', value: (packet) => packet.agent },
  { title: 'INTERFACE', value: (packet) => packet.interface },
  { title: 'FILTERS', value: (packet) => packet.filters.join(',') },
  { title: 'LENGTH', value: (packet) => packet.lengthBytes, align: 'right' },
  { title: 'PACKET', value: (packet) => packet.summary },
];

/** One line per packet, oldest first as tcpdump prints them. */
export function packetTable(packets: readonly PacketRow[], terminal: Terminal): string {
  return table(packets.toReversed(), columns, terminal.out, terminal.env);
}

/** Says how complete the answer is: what was looked at, and what could not be answered. */
export function completenessText({ packets, completeness }: PacketAnswer): string {
  const { sectionsScanned, packetsScanned, packetsUndecided, recordsQuarantined, droppedByKernel } = completeness;
  const { lostByAgents, sectionsMissing, packetsMissing, recordsLost } = completeness;
  const known = `${packets.length} packets of ${packetsScanned} scanned in ${sectionsScanned} sections`;
  const gaps = [
    packetsUndecided > 0 && `${packetsUndecided} undecided, cut off by a snaplen`,
    recordsQuarantined > 0 && `${recordsQuarantined} records in quarantine`,
    droppedByKernel > 0 && `${droppedByKernel} dropped by the agents' kernels`,
    lostByAgents > 0 && `${lostByAgents} lost when agents were killed`,
    sectionsMissing + packetsMissing > 0 && `${sectionsMissing} sections with ${packetsMissing} packets did not come`,
    recordsLost > 0 && `${recordsLost} records given up by Kafka`,
    !completeness.rangeScanned && STOPPED_BY[completeness.stoppedBy ?? 'limit'],
  ].filter((gap) => gap !== false);
  return [known, ...gaps].join('; ');
}

const STOPPED_BY = {
  limit: 'there may be more: raise --limit',
  time: 'the time was up: ask for a shorter range, or raise --timeout',
  packets: 'so many packets are scanned at most: ask for a shorter range',
} as const;
