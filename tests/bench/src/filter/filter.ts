import type { Benchmark, Result, RunOptions } from '../benchmark.js';
import { cliWorkload, measureCommandLine } from './cli.js';
import { compileWorkload, measureCompileTimes } from './compile-time.js';
import { costWorkload, measureCosts } from './cost.js';
import { jitWorkload, measureJit } from './jit.js';
import { largeSetWorkload, measureLargeSet } from './large-set.js';
import { limitsWorkload, measureLimits } from './limits.js';

const NAME = 'filter';
const DISTINCT_PACKETS = 60_000;
const QUICK_MS = 60_000;

/** The filter compiler and its machines against libpcap. */
export const filter: Benchmark = {
  name: NAME,
  title: 'compile time, program cost, limits and speed against libpcap',
  async run({ budgetMs, seed }: RunOptions): Promise<Result> {
    const isQuick = budgetMs < QUICK_MS;
    const rounds = isQuick ? 3 : 9;
    const rows = [
      ...measureCosts(NAME),
      ...measureCompileTimes(NAME, seed),
      ...measureLimits(NAME, seed, isQuick ? [{}] : [{}, { linkType: 'IEEE802_11_RADIO' }]),
      ...measureCommandLine(NAME, seed),
      ...measureLargeSet(NAME, seed),
      ...(await measureJit({ seed, packets: DISTINCT_PACKETS, rounds })),
    ];
    const { Libpcap } = await import('@bpfleet/linux');
    const libpcap = Libpcap.open();
    return {
      workload: [costWorkload, compileWorkload, limitsWorkload, cliWorkload, largeSetWorkload, jitWorkload].join('. '),
      seed,
      versions: { libpcap: libpcap.version },
      rows,
    };
  },
};
