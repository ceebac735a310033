import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  Direction,
  Filter,
  FilterBudget,
  FilterName,
  InterfacePatterns,
  Sampling,
  Selector,
  SnaplenBytes,
} from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { z } from 'zod';

/** A filter as someone wants it. What is left out stays as it is; of a new filter it is the server's default. */
export const WantedFilter = z.strictObject({
  name: FilterName,
  expression: z.string().optional(),
  description: z.string().max(1024).optional(),
  interfaces: InterfacePatterns.optional(),
  snaplenBytes: SnaplenBytes.optional(),
  direction: Direction.optional(),
  sampling: Sampling.optional(),
  /** Either limit may be left out, and stays as it is. */
  budget: FilterBudget.partial().optional(),
  /** The agents that run it, one assignment each. */
  selectors: z.array(Selector).optional(),
});
export type WantedFilter = z.infer<typeof WantedFilter>;

/** What `filter get -o json` prints, so that it can be piped back in. */
const PrintedFilter = Filter.transform(
  ({ name, description, latest, assignments }): WantedFilter => ({
    name,
    description,
    expression: latest.expression,
    interfaces: latest.interfaces,
    snaplenBytes: latest.snaplenBytes,
    direction: latest.direction,
    sampling: latest.sampling,
    budget: latest.budget,
    selectors: assignments.map((assignment) => assignment.selector),
  }),
);

/** In a file one selector may be written without a list. */
const WrittenFilter = z
  .looseObject({ selector: Selector.optional() })
  .transform(({ selector, ...rest }) => (selector === undefined ? rest : { selectors: [selector], ...rest }))
  .pipe(WantedFilter);

/**
 * Reads filters from a file: one, a list, several YAML documents, or what `filter get` printed.
 * @param path `-` is `input`
 * @throws BpfleetError `FILE_UNREADABLE`, or `REQUEST_INVALID` naming the field
 */
export async function readWantedFilters(path: string, input: Readable): Promise<WantedFilter[]> {
  const written = await (path === '-' ? text(input) : readFile(path, 'utf8')).catch((cause: Error) => {
    throw new BpfleetError('FILE_UNREADABLE', `cannot read ${path}: ${cause.message}`, { cause });
  });
  const wanted = (await documents(written, path)).flatMap(entries).map((entry) => wantedFilter(entry, path));
  if (wanted.length === 0) throw new BpfleetError('REQUEST_INVALID', `${path} holds no filter`);
  return wanted;
}

async function documents(written: string, path: string): Promise<unknown[]> {
  const { parseAllDocuments } = await import('yaml');
  const parsed = parseAllDocuments(written);
  const all = 'empty' in parsed ? [] : parsed;
  const fault = all.flatMap((document) => document.errors)[0];
  if (fault) throw new BpfleetError('REQUEST_INVALID', `${path} is not YAML or JSON: ${fault.message}`);
  return all.map((document): unknown => document.toJS()).filter((value) => value !== null);
}

function entries(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === 'object' && value && 'items' in value && Array.isArray(value.items)) return value.items;
  return [value];
}

function wantedFilter(value: unknown, path: string): WantedFilter {
  const printed = PrintedFilter.safeParse(value);
  if (printed.success) return printed.data;
  const wanted = WrittenFilter.safeParse(value);
  if (wanted.success) return wanted.data;
  const issue = wanted.error.issues[0]!;
  const place = issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  throw new BpfleetError('REQUEST_INVALID', `${path}: ${place}${issue.message}`, {
    hint: 'a filter has name, expression, and may have description, interfaces, snaplenBytes, direction, sampling, budget, selector',
  });
}
