import { type Benchmark, type MeasuredRow, type Result, type Row, reaches } from './benchmark.js';
import { describeLoad, describeMachine } from './machine.js';

/** One line per row: the fields of `Row`, and what is needed to judge it and to repeat it. */
export function jsonLines(result: Result, command: string): string {
  const facts = factsOf(result, command);
  return result.rows
    .map(({ bench, row, value, unit, peer, bar, goal, better, ok, n }) => {
      const rounded = { value: round(value), unit, peer: peer === null ? null : round(peer) };
      const line: Row = { bench, row, ...rounded, bar, goal, better, ok };
      return `${JSON.stringify({ ...line, n, ...facts })}\n`;
    })
    .join('');
}

/** What every row depends on. */
const factsOf = ({ workload, versions, seed }: Result, command: string) => ({
  workload,
  machine: describeMachine(),
  versions: { node: process.version, ...versions },
  load: describeLoad(),
  seed,
  command,
});

/** The table for people, with what is needed to judge it and to repeat it. */
export function humanReport(benchmark: Benchmark, result: Result, command: string): string {
  const facts = factsOf(result, command);
  const versions = Object.entries(facts.versions).map(([name, version]) => `${name} ${version}`);
  const header = ['row', 'ours', 'peer', 'unit', 'ratio', 'min…max', 'n', 'bar', 'goal', ''];
  const lines = result.rows.map((row) => [
    row.row,
    count(row.value),
    row.peer === null ? '–' : count(row.peer),
    row.unit,
    row.ratio.toFixed(2),
    row.spread.map((ratio) => ratio.toFixed(2)).join('…'),
    String(row.n),
    `${row.better === 'more' ? '≥' : '≤'} ${row.bar}`,
    String(row.goal),
    verdict(row),
  ]);
  const title = `${benchmark.name}: ${benchmark.title}`;
  const notes = Object.entries({ ...facts, versions: versions.join(', ') }).map(
    ([name, fact]) => `${name.padEnd(10)}${fact}`,
  );
  return [title, '', ...align([header, ...lines]), '', ...notes, ''].join('\n');
}

const verdict = (row: MeasuredRow): string => (row.ok ? (reaches(row, row.goal) ? 'goal' : 'ok') : 'MISSES THE BAR');

/** Columns as wide as their widest cell; figures stand on the right. */
export function align(table: readonly (readonly string[])[]): string[] {
  const widths = table[0]!.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  const isFigure = (cell: string) => /^[\d.,…]+$/.test(cell);
  return table.map((cells) =>
    cells
      .map((cell, column) => (isFigure(cell) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** Whole numbers where they are large, else three figures. */
const count = (value: number): string =>
  Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(round(value));
const round = (value: number): number => Number(value.toPrecision(4));
