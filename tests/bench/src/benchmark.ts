/** One line of the result. `value` and `peer` are in `unit`. */
export interface Row {
  readonly bench: string;
  readonly row: string;
  /** What ours does. */
  readonly value: number;
  readonly unit: string;
  /** What the peer does, measured alternately in the same run. */
  readonly peer: number;
  /** The least `value / peer` that is accepted, and the one that is aimed at. */
  readonly bar: number;
  readonly goal: number;
  /** value / peer reaches the bar. */
  readonly ok: boolean;
}

/** A row with what a reader needs to judge it. */
export interface MeasuredRow extends Row {
  /** value / peer: the median over the rounds. */
  readonly ratio: number;
  /** Smallest and largest ratio of a round. */
  readonly spread: readonly [number, number];
  /** Rounds of each. */
  readonly n: number;
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
