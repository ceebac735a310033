import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, Result, RunOptions } from '../benchmark.js';
import { lossAndCostWorkload, measureLossAndCost } from './loss-and-cost.js';
import { manyFiltersWorkload, measureManyFilters } from './many-filters.js';
import { installedPeers, Peer } from './peers.js';
import { Rig } from './rig.js';
import { Wire } from './wire.js';

const QUICK_MS = 60_000;
const MILLION = 1_000_000;

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
      const load = isQuick ? { rounds: 3, packets: 2 * MILLION } : { rounds: 5, packets: 5 * MILLION };
      const { rows, packetsPerSecond } = await measureLossAndCost(wire, rig, sides, { ...load, seed });
      const fewer = { rounds: load.rounds, packets: 2 * MILLION };
      const filters = await measureManyFilters(wire, rig, { ...fewer, seed });
      const reached = `${Math.round(packetsPerSecond / 1000)} kpps reached, ${load.packets / MILLION} M packets a round`;
      const workload = `${lossAndCostWorkload}; ${reached}. ${manyFiltersWorkload}`;
      return { workload, seed, versions, rows: [...rows, ...filters] };
    } finally {
      await rig.stop();
      await wire.stop();
      await rm(folder, { recursive: true });
    }
  },
};
