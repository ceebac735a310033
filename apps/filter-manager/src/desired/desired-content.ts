import { type AgentSettings, type Endpoint, type Labels, parseSelector, selects } from '@bpfleet/contract';

/** The part of every agent's desired state that does not depend on the agent. */
export interface FleetSettings {
  readonly settings: Readonly<AgentSettings>;
  readonly excluded: readonly Endpoint[];
  readonly linkerVersion: number;
  /** Public keys that agents are to trust; none as long as nobody has stored them. */
  readonly keys: readonly string[];
  readonly revokedKeys: readonly string[];
  /** ISO 8601: agents run nothing beyond it. Without it: for ever. */
  readonly notAfter?: string;
}

/** An assignment as far as it decides who runs what. */
export interface Assigned {
  readonly filter: string;
  readonly version: number;
  readonly selector: string;
  /** The fleet's revision when it was last assigned; no two are equal. */
  readonly revision: number;
}

export interface FilterAt {
  readonly filter: string;
  readonly version: number;
}

/** What an agent should run. Two equal contents are one generation. */
export interface DesiredContent extends FleetSettings {
  /** By name; each filter once. */
  readonly filters: readonly FilterAt[];
}

/**
 * What agents should run: a function of its arguments and nothing else, so every replica gets the same.
 * Of several assignments of one filter that select an agent, the newest counts.
 * @returns a function of an agent's labels; the selectors are read only once
 */
export function desiredContents(
  assignments: readonly Assigned[],
  fleet: FleetSettings,
): (labels: Labels) => DesiredContent {
  const newestFirst = assignments
    .toSorted((a, b) => b.revision - a.revision)
    .map(({ filter, version, selector }) => ({ filter, version, requirements: parseSelector(selector) }));
  return (labels) => {
    const versions = new Map<string, number>();
    for (const { filter, version, requirements } of newestFirst) {
      if (!versions.has(filter) && selects(requirements, labels)) versions.set(filter, version);
    }
    const filters = [...versions].map(([filter, version]) => ({ filter, version }));
    return { ...fleet, filters: filters.sort(byName) };
  };
}

const byName = (a: FilterAt, b: FilterAt): number => (a.filter < b.filter ? -1 : 1);
