import type { StoreClass, StorePosition, StoreStatus } from '@bpfleet/contract';
import { type Column, table } from '../output/columns.js';
import type { Terminal } from '../terminal.js';
import { binaryBytes } from './binary-bytes.js';

const classes: readonly Column<StoreClass>[] = [
  { title: 'CLASS', value: (one) => one.class },
  { title: 'ROWS', value: ({ rows }) => rows, align: 'right' },
  { title: 'SIZE', value: ({ bytes }) => binaryBytes(bytes), align: 'right' },
  { title: 'LIMIT', value: ({ keepBytes }) => (keepBytes === undefined ? '' : binaryBytes(keepBytes)), align: 'right' },
  {
    title: 'PER HOUR',
    value: ({ bytesPerHour: rate }) => (rate === undefined ? '' : binaryBytes(rate)),
    align: 'right',
  },
  {
    title: 'FULL IN',
    value: ({ hoursToLimit }) => (hoursToLimit === undefined ? '' : hours(hoursToLimit)),
    align: 'right',
  },
  { title: 'KEPT FOR', value: ({ keepHours }) => hours(keepHours), align: 'right' },
  { title: 'OLDEST', value: ({ oldest }) => oldest ?? '' },
  { title: 'NEWEST', value: ({ newest }) => newest ?? '' },
  { title: 'PARTITIONS', value: ({ partitions }) => partitions, align: 'right' },
  { title: 'AHEAD', value: ({ partitionsAhead }) => partitionsAhead, align: 'right' },
  { title: 'GONE BEFORE', value: ({ givenUpTo }) => givenUpTo ?? '' },
];

const positions: readonly Column<StorePosition>[] = [
  { title: 'PARTITION', value: ({ partition }) => partition, align: 'right' },
  { title: 'NEXT', value: ({ next }) => next, align: 'right' },
  { title: 'LAG', value: ({ lagRecords }) => lagRecords ?? '?', align: 'right' },
  { title: 'MEASURED', value: ({ measuredAt }) => measuredAt ?? '' },
  { title: 'OWNER', value: ({ owner }) => owner },
  { title: 'LOG', value: ({ log }) => log },
];

/** How full the store is, and how far it has read. */
export function storeTables(status: StoreStatus, { out, env }: Terminal): string {
  const { dedupe, leaving, quarantined } = status;
  const { read, ended } = byUse(status.positions);
  return [
    table(status.classes, classes, out, env),
    table(read, positions, out, env),
    ...(ended === 0 ? [] : [`Read no more: ${ended} other logs; -o json has their positions\n`]),
    `Repeated sections are known by ${dedupe.ranges} ranges in ${dedupe.epochs} epochs; ${quarantined} records in quarantine\n`,
    ...(leaving.length === 0 ? [] : [`Given up, and still read: ${leaving.join(', ')}\n`]),
  ].join('\n');
}

/** Of a log that nobody heard of for so long when another one was read last: it has ended. */
const ENDED_MS = 3_600_000;

/**
 * The positions of logs that are read now, or were when analytics last ran. Each run of all parts in one process is a log,
 * and each imported file: their positions stay, and nobody reads on there.
 */
function byUse(all: readonly StorePosition[]): { readonly read: readonly StorePosition[]; readonly ended: number } {
  const lastMs = new Map<string, number>();
  for (const { log, takenAt, measuredAt = takenAt } of all) {
    const heardMs = Math.max(Date.parse(takenAt), Date.parse(measuredAt));
    if (!log.startsWith('import ')) lastMs.set(log, Math.max(heardMs, lastMs.get(log) ?? heardMs));
  }
  const newestMs = [...lastMs.values()].reduce((newest, ms) => Math.max(newest, ms), 0);
  const read = all.filter(({ log }) => (lastMs.get(log) ?? 0) > newestMs - ENDED_MS);
  const logs = (of: readonly StorePosition[]) => new Set(of.map(({ log }) => log)).size;
  return { read, ended: logs(all) - logs(read) };
}

/** `1.5h`, `7d`: two figures where they tell something. */
function hours(count: number): string {
  const days = count / 24;
  const [value, unit] = days >= 2 ? [days, 'd'] : count >= 1 ? [count, 'h'] : [count * 60, 'min'];
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)}${unit}`;
}
