import type { Benchmark, Result, RunOptions } from '../benchmark.js';
import { compileWorkload, measureCompileTimes } from './compile-time.js';
import { costWorkload, measureCosts } from './cost.js';
import { jitWorkload, measureJit } from './jit.js';
import { largeSetWorkload, measureLargeSet } from './large-set.js';

const NAME = 'filter';
const DISTINCT_PACKETS = 60_000;
const QUICK_MS = 60_000;

/** The filter compiler and its machines against libpcap. */
export const filter: Benchmark = {
  name: NAME,
  title: 'compile time, program cost and speed against libpcap',
  async run({ budgetMs, seed }: RunOptions): Promise<Result> {
    const rounds = budgetMs < QUICK_MS ? 3 : 9;
    const rows = [
      ...measureCosts(NAME),
      ...measureCompileTimes(NAME, seed),
      ...measureLargeSet(NAME, seed),
      ...(await measureJit({ seed, packets: DISTINCT_PACKETS, rounds })),
    ];
    const { Libpcap } = await import('@bpfleet/linux');
    const libpcap = Libpcap.open();
    return {
      workload: [costWorkload, compileWorkload, largeSetWorkload, jitWorkload].join('. '),
      seed,
      versions: { libpcap: libpcap.version },
      rows,
    };
  },
};
