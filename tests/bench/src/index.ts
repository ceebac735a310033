export { alternate, type Comparison, type Round } from './alternate.js';
export type { Benchmark, MeasuredRow, Result, Row, RunOptions } from './benchmark.js';
export { benchmarks } from './benchmarks.js';
