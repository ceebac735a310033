import { judged, type MeasuredRow } from '../benchmark.js';
import { percentile } from './latencies.js';

/** A row of the percentile `part` of milliseconds, those of all queries or packets that were measured. */
export function latencyRow(
  { bench, row }: { readonly bench: string; readonly row: string },
  timesMs: readonly number[],
  part: number,
  bar: number,
  goal: number,
): MeasuredRow {
  // A row that is not there looks like one that nobody asked for.
  if (timesMs.length === 0) throw new Error(`${row.trim()}: nothing was measured`);
  const sorted = Float64Array.from(timesMs).sort();
  const value = percentile(sorted, part);
  const measured = { value, ratio: value, peer: null, n: sorted.length };
  const spread = [sorted[0]!, sorted.at(-1)!] as const;
  return judged({ bench, row, unit: 'ms', ...measured, spread, bar, goal, better: 'less' });
}
