import type { Benchmark } from './benchmark.js';
import { capture } from './capture/capture.js';
import { dissect } from './dissect/dissect.js';
import { exports } from './export/export.js';
import { filter } from './filter/filter.js';
import { ingest } from './ingest/ingest.js';
import { pruning } from './pruning/pruning.js';
import { scan } from './scan/scan.js';
import { store } from './store/store.js';

/** All of them, in the order in which they run without a name. */
export const benchmarks: readonly Benchmark[] = [filter, dissect, ingest, pruning, scan, exports, store, capture];
