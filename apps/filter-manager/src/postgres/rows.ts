import type { Agent, Assignment, FilterVersion } from '@bpfleet/contract';

// How rows look (`int8` arrives as text) and what they are in the contract.

/** All columns of a version but its bundle, which only agents ask for. */
export const versionColumns = [
  ...['filter', 'version', 'expression', 'interfaces', 'snaplen_bytes', 'direction', 'sampling', 'budget'],
  ...['programs', 'digest', 'created_at'],
]
  .map((column) => `version.${column}`)
  .join(', ');

export interface VersionRow {
  filter: string;
  version: number;
  expression: string;
  interfaces: string[];
  snaplen_bytes: number;
  direction: FilterVersion['direction'];
  sampling: number;
  budget: FilterVersion['budget'];
  programs: FilterVersion['programs'];
  digest: string;
  created_at: Date;
}

export const versionOf = (row: VersionRow): FilterVersion => ({
  filter: row.filter,
  version: row.version,
  expression: row.expression,
  interfaces: row.interfaces,
  snaplenBytes: row.snaplen_bytes,
  direction: row.direction,
  sampling: row.sampling,
  budget: row.budget,
  programs: row.programs,
  digest: row.digest,
  createdAt: row.created_at.toISOString(),
});

export interface AssignmentRow {
  id: string;
  filter: string;
  version: number;
  selector: string;
  created_at: Date;
}

export const assignmentOf = ({ created_at, id, filter, version, selector }: AssignmentRow): Assignment => ({
  id,
  filter,
  version,
  selector,
  createdAt: created_at.toISOString(),
});

export interface AgentRow {
  id: string;
  labels: Agent['labels'];
  generation: string;
  status: Agent['status'] | null;
  last_heard_at: Date;
}

export const agentOf = ({ id, labels, generation, status, last_heard_at }: AgentRow): Agent => ({
  id,
  labels,
  generation: Number(generation),
  lastHeardAt: last_heard_at.toISOString(),
  ...(status ? { status } : {}),
});
