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
  return [
    table(status.classes, classes, out, env),
    table(status.positions, positions, out, env),
    `Repeated sections are known by ${dedupe.ranges} ranges in ${dedupe.epochs} epochs; ${quarantined} records in quarantine\n`,
    ...(leaving.length === 0 ? [] : [`Given up, and still read: ${leaving.join(', ')}\n`]),
  ].join('\n');
}

/** `1.5h`, `7d`: two figures where they tell something. */
function hours(count: number): string {
  const days = count / 24;
  const [value, unit] = days >= 2 ? [days, 'd'] : count >= 1 ? [count, 'h'] : [count * 60, 'min'];
  return `${value < 10 ? Number(value.toFixed(1)) : Math.round(value)}${unit}`;
}
