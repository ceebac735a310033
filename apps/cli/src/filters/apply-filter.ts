import { isDeepStrictEqual } from 'node:util';
import { type Filter, type FilterBudget, type FilterVersion, NewFilter, NewFilterVersion } from '@bpfleet/contract';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import type { Servers } from '../servers.js';
import { selectorText } from './filter-table.js';
import type { WantedFilter } from './wanted-filter.js';

/** What was done, and what a person should know besides. */
export interface Applied {
  readonly filter: Filter;
  readonly events: { readonly done: readonly string[]; readonly notes: readonly string[] };
}

/**
 * Makes the server's filter the wanted one: creates it, or adds a version if something changed, then assigns the latest
 * version. Without wanted selectors each present assignment moves on; a filter that has none goes to every agent.
 */
export async function applyFilter(wanted: WantedFilter, servers: Servers, signal: AbortSignal): Promise<Applied> {
  const { control, controlApi } = servers;
  const before = await findFilter(wanted.name, servers, signal);
  const done: string[] = [];
  const latest = before ? await update(before, wanted, servers, signal) : await create(wanted, servers, signal);
  if (!before) done.push(`filter ${wanted.name} created, version ${latest.version}`);
  else if (latest.version === before.latest.version)
    done.push(`filter ${wanted.name} unchanged, version ${latest.version}`);
  else done.push(`filter ${wanted.name} has a new version, ${latest.version}`);

  for (const selector of wanted.selectors ?? presentSelectors(before)) {
    const present = before?.assignments.find((assignment) => assignment.selector === selector);
    if (present?.version === latest.version) continue;
    const body = { filter: wanted.name, version: latest.version, selector };
    await control.call(controlApi.createAssignment, { body, signal });
    done.push(`${wanted.name}@${latest.version} assigned to ${selectorText(selector)}`);
  }
  const filter = await control.call(controlApi.getFilter, { path: { name: wanted.name }, signal });
  return { filter, events: { done, notes: notes(filter, wanted) } };
}

async function findFilter(name: string, { control, controlApi }: Servers, signal: AbortSignal) {
  try {
    return await control.call(controlApi.getFilter, { path: { name }, signal });
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

const UNLIMITED: FilterBudget = { packetsPerSecond: 0, bytesPerSecond: 0 };

const limited = (before: FilterBudget, wanted: WantedFilter['budget'] = {}): FilterBudget => ({
  packetsPerSecond: wanted.packetsPerSecond ?? before.packetsPerSecond,
  bytesPerSecond: wanted.bytesPerSecond ?? before.bytesPerSecond,
});

async function create(wanted: WantedFilter, { control, controlApi }: Servers, signal: AbortSignal) {
  if (wanted.expression === undefined) {
    throw new BpfleetError('REQUEST_INVALID', `filter ${wanted.name} is new and has no expression`);
  }
  const body = NewFilter.parse({ ...wanted, budget: limited(UNLIMITED, wanted.budget) });
  const filter = await control.call(controlApi.createFilter, { body, signal });
  return filter.latest;
}

async function update(
  before: Filter,
  wanted: WantedFilter,
  { control, controlApi }: Servers,
  signal: AbortSignal,
): Promise<FilterVersion> {
  const { latest } = before;
  const given = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
  const body = NewFilterVersion.parse({ ...latest, ...given, budget: limited(latest.budget, wanted.budget) });
  if (isDeepStrictEqual(body, NewFilterVersion.parse(latest))) return latest;
  return control.call(controlApi.createFilterVersion, { path: { name: wanted.name }, body, signal });
}

function presentSelectors(before: Filter | undefined): string[] {
  const selectors = before?.assignments.map((assignment) => assignment.selector) ?? [];
  return selectors.length === 0 ? [''] : selectors;
}

function notes(filter: Filter, wanted: WantedFilter): string[] {
  const behind = filter.assignments
    .filter((assignment) => assignment.version !== filter.latest.version)
    .map(({ selector, version }) => `note: ${filter.name}@${version} stays assigned to ${selectorText(selector)}`);
  const kept = wanted.description !== undefined && wanted.description !== filter.description;
  return kept ? [...behind, 'note: the description is given when a filter is created and stays as it was'] : behind;
}
