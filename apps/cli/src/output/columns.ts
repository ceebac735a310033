import { hasColour, type OutputStream, printable, type Terminal } from '../terminal.js';

/** One column of a table of `Row`s. */
export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number;
  readonly align?: 'left' | 'right';
}

const GAP = '  ';

/**
 * Lays rows out in columns. On a terminal the titles are bold and lines end at its edge; in a pipe lines are whole
 * and plain, so that `awk` and `grep` see everything.
 */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  stream: OutputStream,
  env: Terminal['env'],
): string {
  const titles = columns.map((column) => column.title);
  const cells = rows.map((row) => columns.map((column) => printable(String(column.value(row)))));
  const widths = titles.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]!.length)));
  const line = (texts: readonly string[]) => fit(pad(texts, columns, widths), stream);
  const [bold, plain] = hasColour(stream, env) ? ['\u001b[1m', '\u001b[22m'] : ['', ''];
  return [`${bold}${line(titles)}${plain}`, ...cells.map(line)].map((text) => `${text}\n`).join('');
}

function pad<Row>(texts: readonly string[], columns: readonly Column<Row>[], widths: readonly number[]): string {
  return texts
    .map((text, i) => (columns[i]?.align === 'right' ? text.padStart(widths[i]!) : text.padEnd(widths[i]!)))
    .join(GAP)
    .trimEnd();
}

function fit(text: string, stream: OutputStream): string {
  const width = stream.isTTY ? (stream.columns ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
  return text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text;
}
