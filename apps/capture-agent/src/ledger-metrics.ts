import { FilterState } from '@bpfleet/contract';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { FilterOutcome } from './border/opener-port.js';
import type { MemberCounters } from './capture/attribution/attributed-member.js';
import { type BudgetStep, budgetSteps } from './capture/attribution/budget.js';
import { GONE } from './capture/attribution/member-ledger.js';
import type { CaptureCounters } from './capture/ring/capture-messages.js';
import { type SocketSum, SocketSums } from './socket-sums.js';

/** Series of versions: those that run come first, what has no room stands in the ledger alone. */
export const MOST_VERSIONS = 1024;

/** As the status has them. All packets since the epoch began. */
export interface LedgerFigures {
  readonly counters: CaptureCounters;
  /** As the opener last told them. */
  readonly outcomes: readonly FilterOutcome[];
  readonly epoch: number;
  readonly generation: number;
  readonly confined: boolean;
  /** Of the agent's own budget. */
  readonly step: BudgetStep;
  /** Packets that were stored and will not arrive. */
  readonly lost: { readonly evicted: number; readonly damaged: number; readonly killed: number };
}

interface Looked extends LedgerFigures {
  readonly sockets: ReadonlyMap<string, Readonly<SocketSum>>;
  readonly versions: ReadonlyMap<string, VersionSum>;
}

interface VersionSum extends MemberCounters {
  readonly labels: { readonly filter: string; readonly version: string };
  readonly step: BudgetStep;
}

/** What became of packets before they are in the spool, and what runs: counted all along, asked when somebody looks. */
export function ledgerMetrics(registry: Registry, read: () => Promise<LedgerFigures>): void {
  const look = onceAtATime(read);
  const made = new Makers(registry, look);
  const socket = (name: string, help: string, of: keyof SocketSum) =>
    made.counter(`${name}_packets`, help, ['interface'], ({ sockets }) =>
      [...sockets].map(([device, sum]) => [{ interface: device }, sum[of]]),
    );
  socket('kernel_passed', 'Packets that passed the programs of sockets, dropped ones included.', 'passed');
  socket('kernel_dropped', 'Packets that rings had no room for.', 'dropped');
  socket('captured', 'Packets read from rings.', 'taken');
  const version = (name: string, help: string, of: keyof MemberCounters) =>
    made.counter(`filter_${name}`, help, ['filter', 'version'], ({ versions }) =>
      [...versions.values()].map((sum) => [sum.labels, sum[of]]),
    );
  version('matched_packets', 'Packets that matched.', 'matched');
  version('stored_packets', 'Packets that went into sections.', 'stored');
  version('stored_bytes', 'Their bytes, as stored.', 'storedBytes');
  version('truncated_packets', 'Packets stored with fewer bytes than they had.', 'truncated');
  version('sampled_out_packets', 'Packets that the sampling left out.', 'sampledOut');
  version('over_budget_packets', 'Packets that a budget left out.', 'budgetDropped');
  made.counter('lost_packets', 'Packets that were stored and will not arrive.', ['reason'], ({ lost }) =>
    Object.entries(lost).map(([reason, packets]) => [{ reason }, packets]),
  );
  const steps = '0 full, 1 headers, 2 sampled, 3 paused';
  made.gauge('filter_budget_step', `How little is kept of its packets: ${steps}.`, ['filter', 'version'], (looked) =>
    running(looked).map(({ labels, step }) => [labels, budgetSteps.indexOf(step)]),
  );
  made.gauge('budget_step', `The same by the agent’s own budget: ${steps}.`, [], ({ step }) => [
    [{}, budgetSteps.indexOf(step)],
  ]);
  made.gauge('filters', 'Filters times interfaces, by what became of them.', ['state'], ({ outcomes }) =>
    FilterState.shape.state.options.map((state) => [{ state }, outcomes.filter((one) => one.state === state).length]),
  );
  made.gauge('epoch', 'Grows with each start of the agent process.', [], ({ epoch }) => [[{}, epoch]]);
  made.gauge('generation', 'Of the desired state that was carried out.', [], ({ generation }) => [[{}, generation]]);
  made.gauge('confined', '1: the process with the network connections cannot capture by itself.', [], (looked) => [
    [{}, Number(looked.confined)],
  ]);
}

type Rows = readonly (readonly [Readonly<Record<string, string>>, number])[];
type RowsOf = (looked: Looked) => Rows;

class Makers {
  constructor(
    private readonly registry: Registry,
    private readonly look: () => Promise<Looked>,
  ) {}

  counter(name: string, help: string, labelNames: string[], rowsOf: RowsOf): void {
    const { look, registry } = this;
    new Counter({
      ...{ registers: [registry], name: `bpfleet_agent_${name}_total`, help, labelNames },
      async collect() {
        const rows = rowsOf(await look());
        this.reset();
        for (const [labels, value] of rows) this.inc(labels, value);
      },
    });
  }

  gauge(name: string, help: string, labelNames: string[], rowsOf: RowsOf): void {
    const { look, registry } = this;
    new Gauge({
      ...{ registers: [registry], name: `bpfleet_agent_${name}`, help, labelNames },
      async collect() {
        const rows = rowsOf(await look());
        this.reset();
        for (const [labels, value] of rows) this.set(labels, value);
      },
    });
  }
}

/** One look for all series of a scrape: each asks by itself, all in the same turn. */
function onceAtATime(read: () => Promise<LedgerFigures>): () => Promise<Looked> {
  const sums = new SocketSums();
  let damaged = 0;
  let looking: Promise<Looked> | undefined;
  const look = async (): Promise<Looked> => {
    const figures = await read();
    // Some may turn out to be there, but counters only grow.
    damaged = Math.max(damaged, figures.lost.damaged);
    return {
      ...figures,
      lost: { ...figures.lost, damaged },
      sockets: sums.see(figures.counters),
      versions: sumsOf(figures),
    };
  };
  return () => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
    return looking;
  };
}

const nameOf = ({ filter, version }: FilterOutcome): string => `${filter}@${version}`;

/** On all interfaces together. What `GONE` counts is of versions whose series have ended. */
function sumsOf({ counters, outcomes }: LedgerFigures): ReadonlyMap<string, VersionSum> {
  const live = new Set(outcomes.map(nameOf));
  const isLive = ({ version }: { version: string }): number => Number(live.has(version));
  const sums = new Map<string, VersionSum>();
  for (const row of counters.versions.toSorted((one, other) => isLive(other) - isLive(one))) {
    const { version, interface: _, step, ...counts } = row;
    const sum = sums.get(version);
    if (sum !== undefined)
      for (const name of Object.keys(counts) as (keyof MemberCounters)[]) sum[name] += counts[name];
    else if (sums.size < MOST_VERSIONS && version !== GONE)
      sums.set(version, { ...counts, step, labels: labelsOf(version) });
  }
  return sums;
}

function labelsOf(name: string): VersionSum['labels'] {
  const at = name.lastIndexOf('@');
  return { filter: name.slice(0, at), version: name.slice(at + 1) };
}

function running({ outcomes, versions }: Looked): VersionSum[] {
  return [...new Set(outcomes.map(nameOf))].flatMap((name) => versions.get(name) ?? []);
}
