import { type Agent, type Assignment, canonicalJson, type FilterVersion, type NewAssignment } from '@bpfleet/contract';
import { type Assigned, type DesiredContent, desiredContents, type FleetSettings } from '../desired/desired-content.js';

import { REGISTRY_CHANGED } from '../registry/registry-store.js';

export interface MemoryFilter {
  description: string;
  createdAt: string;
  isDeleted: boolean;
  /** Oldest first: version n is at n - 1. */
  readonly versions: FilterVersion[];
}
export type MemoryAssignment = Assignment & Assigned;
export interface MemoryAgent {
  agent: Agent;
  desired: DesiredContent;
}

export interface MemoryIdentity {
  readonly agent: string;
  readonly labels: Agent['labels'];
  revokedAt?: string;
}

/**
 * The control plane's state in memory: what the three stores of this folder share. For tests, and for the document
 * that is made without a database.
 */
export class MemoryControl {
  readonly filters = new Map<string, MemoryFilter>();
  /** By digest. */
  readonly bundles = new Map<string, Uint8Array>();
  readonly assignments = new Map<string, MemoryAssignment>();
  readonly agents = new Map<string, MemoryAgent>();
  /** By public key. */
  readonly identities = new Map<string, MemoryIdentity>();
  /** Of each agent, the newest first. */
  readonly nonces = new Map<string, readonly string[]>();
  readonly usedTokens = new Set<string>();
  settings: FleetSettings = {
    settings: { flushWindowMs: 200, reportIntervalMs: 60_000, budgets: {} },
    excluded: [],
    linkerVersion: 1,
    keys: [],
    revokedKeys: [],
  };
  registryRevision = 1;
  #revision = 0;
  #lastAssignment = 0;

  constructor(private readonly onChanged: (agents: readonly string[]) => void = () => undefined) {}

  /** Runs `work`, then gives each agent whose desired state it changed a new generation. */
  change<T>(work: (revision: number) => T): T {
    const result = work(++this.#revision);
    const contentFor = desiredContents([...this.assignments.values()], this.settings);
    const changed: string[] = [];
    for (const [id, entry] of this.agents) {
      const desired = contentFor(entry.agent.labels);
      if (canonicalJson(desired) === canonicalJson(entry.desired)) continue;
      entry.desired = desired;
      entry.agent = { ...entry.agent, generation: entry.agent.generation + 1 };
      changed.push(id);
    }
    this.onChanged(changed);
    return result;
  }

  /** The registry is another one. */
  touchRegistry(): void {
    this.registryRevision++;
    this.onChanged([REGISTRY_CHANGED]);
  }

  contentFor(labels: Agent['labels']): DesiredContent {
    return desiredContents([...this.assignments.values()], this.settings)(labels);
  }

  /** An assignment of this filter and selector keeps its id. */
  assignmentId({ filter, selector }: Pick<NewAssignment, 'filter' | 'selector'>): string {
    const present = [...this.assignments.values()].find((one) => one.filter === filter && one.selector === selector);
    return present?.id ?? String(++this.#lastAssignment);
  }
}

/** The first `limit` items whose key comes after a key, in the order of the keys. */
export function after<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string | number,
  key: string | number | undefined,
  limit: number,
): T[] {
  return [...items]
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    .filter((item) => key === undefined || keyOf(item) > key)
    .slice(0, limit);
}
