/** One line of the result. `value` and `peer` are in `unit`. */
export interface Row {
  readonly bench: string;
  readonly row: string;
  /** What ours does. */
  readonly value: number;
  readonly unit: string;
  /** What the peer does, measured alternately in the same run; null where the figure stands for itself. */
  readonly peer: number | null;
  /** What is accepted, and what is aimed at: of `value / peer`, or of `value` where there is no peer. */
  readonly bar: number;
  readonly goal: number;
  /** Whether the figure should be large or small. */
  readonly better: 'more' | 'less';
  /** It reaches the bar. */
  readonly ok: boolean;
}

/** A row with what a reader needs to judge it. */
export interface MeasuredRow extends Row {
  /** What is judged: value / peer, the median over the rounds, or the value where there is no peer. */
  readonly ratio: number;
  /** Smallest and largest ratio of a round. */
  readonly spread: readonly [number, number];
  /** Rounds of each, or cases. */
  readonly n: number;
}

/** The row's figure judged by its bar. */
export function judged(row: Omit<MeasuredRow, 'ok'>): MeasuredRow {
  return { ...row, ok: reaches(row, row.bar) };
}

export function reaches({ ratio, better }: Pick<MeasuredRow, 'ratio' | 'better'>, limit: number): boolean {
  return better === 'more' ? ratio >= limit : ratio <= limit;
}

export interface RunOptions {
  /** How long it may take, preparation included, where that suffices for the least number of rounds. */
  readonly budgetMs: number;
  readonly seed: number;
}

export interface Result {
  /** What was done to what, in a sentence or two. */
  readonly workload: string;
  readonly seed: number;
  /** Of the programs measured, besides Node. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly MeasuredRow[];
}

/** Measures ours against what a user would take instead. */
export interface Benchmark {
  readonly name: string;
  readonly title: string;
  run(options: RunOptions): Promise<Result>;
}
