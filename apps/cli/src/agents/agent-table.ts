import type { Agent, FilterState } from '@bpfleet/contract';
import { age } from '../output/age.js';
import { type Column, table } from '../output/columns.js';
import type { Terminal } from '../terminal.js';

const columns = (nowMs: number): readonly Column<Agent>[] => [
  { title: 'ID', value: (agent) => agent.id },
  { title: 'HEARD', value: (agent) => `${age(agent.lastHeardAt, nowMs)} ago` },
  { title: 'GENERATION', value: generation, align: 'right' },
  { title: 'SOURCE', value: ({ status }) => status?.source ?? '' },
  { title: 'CONFINED', value: confined },
  { title: 'FILTERS', value: filters },
  { title: 'DROPPED', value: dropped, align: 'right' },
  { title: 'KERNEL', value: (agent) => agent.status?.facts.kernel ?? '' },
  {
    title: 'LABELS',
    value: (agent) =>
      Object.entries(agent.labels)
        .map((label) => label.join('='))
        .join(','),
  },
];

/** One line per agent. */
export function agentTable(agents: readonly Agent[], terminal: Terminal): string {
  return table(agents, columns(terminal.now()), terminal.out, terminal.env);
}

/** The newest that it says it accepted, and what it should run when that is another. */
function generation({ generation: desired, status }: Agent): string {
  if (!status) return `none of ${desired}`;
  return status.generation === desired ? String(desired) : `${status.generation} of ${desired}`;
}

/** Whether the process with the network connections is kept from capturing by itself, as its opener found. */
function confined({ status }: Agent): string {
  if (!status) return '';
  if (status.confined === undefined) return 'unknown';
  return status.confined ? 'yes' : 'no';
}

/** What runs as it should, as far as it can be proven, or has nothing to do. */
const RIGHT = new Set<FilterState['state']>(['attested', 'attested (loaded)', 'reported', 'not applicable']);

/** In a table of agents; `agent get AGENT` has them all. */
const MOST_NAMES = 5;

/** What runs, and the first that is not as it should be. */
function filters({ status }: Agent): string {
  const states = status?.filters ?? [];
  const wrong = states.filter(({ state }) => !RIGHT.has(state));
  const names = [...new Set(states.map((state) => `${state.filter}@${state.version}`))];
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  const first = wrong[0];
  const fault = first ? ` (${first.filter}@${first.version} ${first.state} on ${first.interface})` : '';
  return `${names.slice(0, MOST_NAMES).join(',') || 'none'}${more}${fault}`;
}

function dropped({ status }: Agent): number {
  // Of each socket once: on one with many filters and interfaces, all of them tell of the same drops.
  const sockets = status?.ledger?.sockets ?? [];
  return sockets.reduce((sum, { droppedByKernel }) => sum + droppedByKernel, 0);
}

const attachmentColumns: readonly Column<FilterState>[] = [
  { title: 'FILTER', value: (state) => `${state.filter}@${state.version}` },
  { title: 'INTERFACE', value: (state) => state.interface },
  { title: 'LINK TYPE', value: (state) => state.linkType },
  { title: 'STATE', value: (state) => state.state },
  { title: 'SELF-TEST', value: selfTest },
  { title: 'MATCHED', value: (state) => state.counters?.matched ?? '', align: 'right' },
  { title: 'DROPPED', value: (state) => state.counters?.droppedByKernel ?? '', align: 'right' },
  { title: 'REASON', value: (state) => state.reason ?? '' },
];

/** Packets tried before it was attached: those that need no metadata in the kernel, too. */
function selfTest({ selfTest: tried }: FilterState): string {
  return tried ? `${tried.inKernel} of ${tried.packets} in kernel` : '';
}

/** One line per filter and interface of one agent, then what went wrong lately. */
export function attachmentTable({ status }: Agent, terminal: Terminal): string {
  if (!status) return 'nothing heard of it yet\n';
  const states = table(status.filters, attachmentColumns, terminal.out, terminal.env);
  if (status.errors.length === 0) return states;
  const errors: readonly Column<(typeof status.errors)[number]>[] = [
    { title: 'ERROR', value: (error) => error.code },
    { title: 'SEEN', value: (error) => `${age(error.at, terminal.now())} ago` },
    { title: 'MESSAGE', value: (error) => error.message },
  ];
  return `${states}\n${table(status.errors, errors, terminal.out, terminal.env)}`;
}
