import type { PacketRow } from '@bpfleet/contract';
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
