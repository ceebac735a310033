import type { Flow, FlowCompleteness, FlowRange, PacketSum, TimelinePoint, TopEntry } from '@bpfleet/contract';
import { type Column, table } from '../output/columns.js';
import { lossTexts } from '../output/known-losses.js';
import type { Terminal } from '../terminal.js';

/** Counts, and beside them what they stand for where something was sampled. */
function sumColumns<Row extends PacketSum>(rows: readonly Row[]): Column<Row>[] {
  const counts: Column<Row>[] = [
    { title: 'PACKETS', value: ({ packets }) => packets, align: 'right' },
    { title: 'BYTES', value: ({ bytes }) => bytes, align: 'right' },
  ];
  if (!rows.some(({ estimated }) => estimated !== undefined)) return counts;
  return [
    ...counts,
    { title: 'EST. PACKETS', value: ({ estimated, packets }) => estimated?.packets ?? packets, align: 'right' },
    { title: 'EST. BYTES', value: ({ estimated, bytes }) => estimated?.bytes ?? bytes, align: 'right' },
  ];
}

const end = (address: string, port: number | undefined): string =>
  port === undefined ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

export function flowTable(flows: readonly Flow[], { out, env }: Terminal): string {
  const columns: Column<Flow>[] = [
    { title: 'LAST', value: ({ last }) => last },
    { title: 'AGENT', value: ({ agent }) => agent },
    { title: 'FILTERS', value: ({ filters }) => filters.join(',') },
    { title: 'PROTOCOL', value: ({ protocol }) => protocol },
    { title: 'SOURCE', value: ({ source, sourcePort }) => end(source, sourcePort) },
    { title: 'DESTINATION', value: ({ destination, destinationPort }) => end(destination, destinationPort) },
    ...sumColumns(flows),
    { title: 'FLAGS', value: ({ tcpFlags }) => tcpFlags.join(',') },
  ];
  return table(flows, columns, out, env);
}

export function timelineTable(points: readonly TimelinePoint[], { out, env }: Terminal): string {
  return table(points, [{ title: 'TIME', value: ({ at }) => at }, ...sumColumns(points)], out, env);
}

export function topTable(by: string, entries: readonly TopEntry[], { out, env }: Terminal): string {
  return table(entries, [{ title: by.toUpperCase(), value: ({ key }) => key }, ...sumColumns(entries)], out, env);
}

/** Says what was counted, and what is not in it. */
export function flowCompletenessText({ since, until }: FlowRange, completeness: FlowCompleteness): string {
  const { packetsUndecided, packetsPending } = completeness;
  const gaps = [
    packetsUndecided > 0 && `${packetsUndecided} undecided by their flows: ask bpfleet packets`,
    packetsPending > 0 && `${packetsPending} of the last seconds not counted yet`,
    ...lossTexts(completeness),
  ].filter((gap) => gap !== false);
  return [`${completeness.packetsCounted} packets counted from ${since} to ${until}`, ...gaps].join('; ');
}
