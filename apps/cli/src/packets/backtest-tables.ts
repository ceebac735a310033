import type { Backtest, BacktestCounts } from '@bpfleet/contract';
import { type Column, table } from '../output/columns.js';
import type { Terminal } from '../terminal.js';
import { packetTable } from './packet-table.js';

type Row = BacktestCounts & { readonly agent: string };
type Amount = BacktestCounts['matched'];

const columns: readonly Column<Row>[] = [
  { title: 'AGENT', value: ({ agent }) => agent },
  { title: 'MATCHED', value: ({ matched }) => matched.packets, align: 'right' },
  { title: 'BYTES', value: ({ matched }) => matched.bytes, align: 'right' },
  { title: 'KEPT', value: ({ matched }) => matched.storedBytes, align: 'right' },
  { title: 'UNDECIDED', value: ({ undecided }) => undecided, align: 'right' },
];
const compared: readonly Column<Row>[] = [
  { title: 'AGAINST', value: ({ against }) => packets(against), align: 'right' },
  { title: 'GAINED', value: ({ gained }) => packets(gained), align: 'right' },
  { title: 'LOST', value: ({ lost }) => packets(lost), align: 'right' },
  { title: 'NOT STORED', value: ({ notStoredByVersion }) => packets(notStoredByVersion), align: 'right' },
];

const packets = (amount: Amount | undefined): number => amount?.packets ?? 0;

/** Counts by agent, samples of what differs, and what could not be seen. */
export function backtestTables(answer: Backtest, terminal: Terminal): string {
  const { against, total, agents, gained, lost, storedBy } = answer;
  const rows: Row[] = [...agents, { agent: 'all', ...total }];
  const tables = [table(rows, against ? [...columns, ...compared] : columns, terminal.out, terminal.env)];
  if (gained.length > 0) tables.push(`gained, for example:\n${packetTable(gained, terminal)}`);
  if (lost.length > 0) tables.push(`lost, for example:\n${packetTable(lost, terminal)}`);
  if (against) tables.push(...notStoredText(against, packets(total.notStoredByVersion)));
  tables.push(
    storedBy.length === 0
      ? 'No packets are stored of this range.\n'
      : `Only packets that ${storedBy.map(({ version }) => version).join(', ')} stored could be looked at.\n`,
  );
  return tables.join('\n');
}

/** Why some packets are neither gained nor lost. */
function notStoredText({ version, expression }: NonNullable<Backtest['against']>, notStored: number): string[] {
  if (notStored === 0) return [];
  return expression === undefined
    ? [`The expression of ${version} is not known: what it did not store is neither gained nor lost.\n`]
    : [`${version} did not store ${notStored} packets that its expression matches, or may: neither gained nor lost.\n`];
}
