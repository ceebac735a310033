import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, Result, RunOptions } from '../benchmark.js';
import { lossAndCostWorkload, measureLossAndCost } from './loss-and-cost.js';
import { manyFiltersWorkload, measureManyFilters } from './many-filters.js';
import { installedPeers, Peer } from './peers.js';
import { Rig } from './rig.js';
import { measureWholeAgent, wholeAgentWorkload } from './whole-agent.js';
import { Wire } from './wire.js';

const QUICK_MS = 60_000;
const MILLION = 1_000_000;
/** Ten seconds at the 650 kpps that the generator reaches on the machine of the project's first figures. */
const FULL_ROUND = 6.5 * MILLION;

/** The capture agent on a host made of a network namespace, against programs that capture into a file. Needs root. */
export const capture: Benchmark = {
  name: 'capture',
  title: 'the capture agent against tcpdump, dumpcap and netsniff-ng',
  async run({ budgetMs, seed }: RunOptions): Promise<Result> {
    const isQuick = budgetMs < QUICK_MS;
    const folder = await mkdtemp(join(tmpdir(), 'bpfleet-bench-'));
    const wire = new Wire();
    const rig = new Rig();
    try {
      await wire.start();
      rig.start(wire);
      const { peers, versions } = installedPeers();
      const sides = peers.map((program) => new Peer(program, folder));
      const load = isQuick ? { rounds: 3, packets: MILLION } : { rounds: 5, packets: FULL_ROUND };
      const { rows, packetsPerSecond } = await measureLossAndCost(wire, rig, sides, { ...load, seed });
      const fewer = { rounds: load.rounds, packets: isQuick ? MILLION : 2 * MILLION };
      const filters = await measureManyFilters(wire, rig, { ...fewer, seed });
      await rig.stop();
      const dumpcap = sides.find(({ name }) => name === 'dumpcap');
      const lasting = isQuick ? { idleMs: 15_000, outageMs: 10_000 } : { idleMs: 60_000, outageMs: 60_000 };
      const whole = await measureWholeAgent(wire, dumpcap, { seed, rounds: load.rounds, ...lasting });
      const skipped = whole.unavailable === undefined ? '' : ` (left out: ${whole.unavailable})`;
      const reached = `${Math.round(packetsPerSecond / 1000)} kpps reached, ${load.packets / MILLION} M packets a round`;
      const workload = `${lossAndCostWorkload}; ${reached}. ${manyFiltersWorkload}. ${wholeAgentWorkload}${skipped}`;
      return {
        ...{ workload, seed, versions: { ...versions, ...whole.versions } },
        rows: [...rows, ...filters, ...whole.rows],
      };
    } finally {
      await rig.stop();
      await wire.stop();
      await rm(folder, { recursive: true });
    }
  },
};
