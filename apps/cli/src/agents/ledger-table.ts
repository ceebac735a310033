import type { Agent, LossLedger } from '@bpfleet/contract';
import { age } from '../output/age.js';
import { type Column, table } from '../output/columns.js';
import type { Terminal } from '../terminal.js';

type Socket = LossLedger['sockets'][number];
type Version = LossLedger['filters'][number];

const sockets: readonly Column<Socket>[] = [
  { title: 'INTERFACE', value: placeOf },
  { title: 'PASSED', value: ({ passed }) => passed, align: 'right' },
  { title: 'DROPPED', value: ({ droppedByKernel }) => droppedByKernel, align: 'right' },
  { title: 'CAPTURED', value: ({ captured }) => captured, align: 'right' },
  {
    title: 'IN RING',
    value: ({ passed, droppedByKernel, captured }) => passed - droppedByKernel - captured,
    align: 'right',
  },
  { title: 'FILTERS', value: ({ filters }) => filters.join(',') },
];

const versions: readonly Column<Version>[] = [
  { title: 'FILTER', value: ({ version }) => version },
  { title: 'INTERFACE', value: ({ interface: device }) => device },
  { title: 'MATCHED', value: ({ matched }) => matched, align: 'right' },
  { title: 'STORED', value: ({ stored }) => stored, align: 'right' },
  { title: 'BYTES', value: ({ storedBytes }) => storedBytes, align: 'right' },
  { title: 'TRUNCATED', value: ({ truncated }) => truncated, align: 'right' },
  { title: 'SAMPLED OUT', value: ({ sampledOut }) => sampledOut, align: 'right' },
  { title: 'OVER BUDGET', value: ({ budgetDropped }) => budgetDropped, align: 'right' },
  { title: 'KEEPS', value: ({ step }) => step ?? '' },
];

function placeOf({ interface: device, sharedBy, ended }: Socket): string {
  if (ended) return `ended (${ended})`;
  return sharedBy ? `${device} (${sharedBy})` : device;
}

interface Fate {
  readonly fate: string;
  readonly sections: number;
  readonly packets: number;
}
const fates: readonly Column<Fate>[] = [
  { title: 'SECTIONS', value: ({ fate }) => fate },
  { title: 'COUNT', value: ({ sections }) => sections, align: 'right' },
  { title: 'PACKETS', value: ({ packets }) => packets, align: 'right' },
];

/** Where every packet of an agent went since its epoch began: in the kernel, by filter, and on the way to Kafka. */
export function ledgerTables({ status, lastHeardAt }: Agent, terminal: Terminal): string {
  const ledger = status?.ledger;
  if (ledger === undefined) return 'it has told of no packets yet\n';
  const { carriedSections = 0, carriedPackets = 0, spooledSections, spooledPackets } = ledger.agent;
  const { sentSections, sentPackets, evictedSections, evictedPackets } = ledger.agent;
  const { damagedSections = 0, damagedPackets = 0 } = ledger.agent;
  const rows: Fate[] = [
    { fate: 'left by epochs before', sections: carriedSections, packets: carriedPackets },
    { fate: 'spooled', sections: spooledSections, packets: spooledPackets },
    { fate: 'acknowledged by Kafka', sections: sentSections, packets: sentPackets },
    { fate: 'given up', sections: evictedSections, packets: evictedPackets },
    ...(damagedSections > 0 ? [{ fate: 'damaged', sections: damagedSections, packets: damagedPackets }] : []),
    {
      fate: 'waiting',
      sections: carriedSections + spooledSections - sentSections - evictedSections - damagedSections,
      packets: carriedPackets + spooledPackets - sentPackets - evictedPackets - damagedPackets,
    },
  ];
  const before = Object.entries(ledger.before ?? {}).map(([name, value]) => `${name} ${value}`);
  const since = ledger.since === undefined ? '' : ` since ${ledger.since}`;
  return [
    `Epoch ${status!.epoch}${since}, heard ${age(lastHeardAt, terminal.now())} ago\n`,
    table(ledger.sockets, sockets, terminal.out, terminal.env),
    table(ledger.filters, versions, terminal.out, terminal.env),
    table(rows, fates, terminal.out, terminal.env),
    ...(before.length > 0 ? [`The process before: ${before.join(', ')}\n`] : []),
    ...(ledger.withoutSocket ? [gapLine(ledger.withoutSocket)] : []),
  ].join('\n');
}

function gapLine({ from, to }: NonNullable<LossLedger['withoutSocket']>): string {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1000;
  const length = seconds < 0 ? 'the clock was set back meanwhile' : `${seconds.toFixed(3)} s`;
  return `No socket stood from ${from} to ${to}, ${length}: what came then is in no count\n`;
}
