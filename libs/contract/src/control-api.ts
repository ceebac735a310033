import { z } from 'zod';
import { AgentStatus } from './agent-status.js';
import { AgentId, Digest, FilterName, InterfacePatterns, Labels, SnaplenBytes, Timestamp } from './naming.js';
import { numberText } from './number-text.js';
import { AnyFilterProgram, FilterProgram } from './program.js';
import { route } from './route.js';
import { Selector } from './selector.js';
import { Direction, FilterBudget, Sampling } from './signed/bundle.js';

export const NewFilterVersion = z.object({
  expression: z
    .string()
    .max(65_536)
    .meta({ examples: ['tcp port 443 and host 10.0.0.7'] }),
  interfaces: InterfacePatterns.default(['*']),
  snaplenBytes: SnaplenBytes.default(128),
  direction: Direction.default('any'),
  sampling: Sampling.default(1),
  budget: FilterBudget.default({ packetsPerSecond: 0, bytesPerSecond: 0 }),
});
export type NewFilterVersion = z.infer<typeof NewFilterVersion>;

export const NewFilter = NewFilterVersion.extend({
  name: FilterName,
  description: z.string().max(1024).default(''),
});
export type NewFilter = z.infer<typeof NewFilter>;

export const FilterVersion = NewFilterVersion.extend({
  filter: FilterName,
  version: z.int().positive(),
  /** sha256 of the version's bundle. */
  digest: Digest,
  programs: z.array(AnyFilterProgram),
  createdAt: Timestamp,
});
export type FilterVersion = z.infer<typeof FilterVersion>;

export const Assignment = z.object({
  id: z.string(),
  filter: FilterName,
  version: z.int().positive(),
  selector: Selector,
  createdAt: Timestamp,
});
export type Assignment = z.infer<typeof Assignment>;

/** Puts a version of a filter on the agents a selector picks; replaces the version a filter had there. */
export const NewAssignment = z.object({
  filter: FilterName,
  version: z.int().positive().optional().describe('the latest when left out'),
  selector: Selector.default(''),
});
export type NewAssignment = z.infer<typeof NewAssignment>;

export const Filter = z.object({
  name: FilterName,
  description: z.string(),
  latest: FilterVersion,
  assignments: z.array(Assignment),
  createdAt: Timestamp,
});
export type Filter = z.infer<typeof Filter>;

export const Agent = z.object({
  id: AgentId,
  labels: Labels,
  generation: z.int().nonnegative(),
  lastHeardAt: Timestamp,
  status: AgentStatus.optional(),
});
export type Agent = z.infer<typeof Agent>;

export const CompileRequest = z.object({
  expression: z.string().max(65_536),
  linkType: z.string().default('EN10MB'),
  snaplenBytes: SnaplenBytes.default(262_144),
  optimize: z.boolean().default(true),
});
export type CompileRequest = z.infer<typeof CompileRequest>;
export const CompileResponse = z.object({ program: FilterProgram, listing: z.string() });
export type CompileResponse = z.infer<typeof CompileResponse>;

/** Cursor pagination: pass `next` back as `cursor`; absent on the last page. */
export const PageQuery = z.object({
  cursor: z.string().max(256).optional(),
  limit: numberText(z.int().min(1).max(1000)).prefault(100),
});
export type PageQuery = z.infer<typeof PageQuery>;
const page = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().optional() });
export const FilterPage = page(Filter);
export type FilterPage = z.infer<typeof FilterPage>;
export const FilterVersionPage = page(FilterVersion);
export type FilterVersionPage = z.infer<typeof FilterVersionPage>;
export const AssignmentPage = page(Assignment);
export type AssignmentPage = z.infer<typeof AssignmentPage>;
export const AgentPage = page(Agent);
export type AgentPage = z.infer<typeof AgentPage>;

/** Answer of calls that have nothing to say. */
export const Nothing = z.undefined();

export const controlApi = {
  createFilter: route({ method: 'POST', path: '/api/v1/filters', body: NewFilter, response: Filter }),
  listFilters: route({ method: 'GET', path: '/api/v1/filters', query: PageQuery, response: FilterPage }),
  getFilter: route({ method: 'GET', path: '/api/v1/filters/{name}', response: Filter }),
  deleteFilter: route({ method: 'DELETE', path: '/api/v1/filters/{name}', response: Nothing }),
  createFilterVersion: route({
    method: 'POST',
    path: '/api/v1/filters/{name}/versions',
    body: NewFilterVersion,
    response: FilterVersion,
  }),
  listFilterVersions: route({
    method: 'GET',
    path: '/api/v1/filters/{name}/versions',
    query: PageQuery,
    response: FilterVersionPage,
  }),
  createAssignment: route({ method: 'POST', path: '/api/v1/assignments', body: NewAssignment, response: Assignment }),
  listAssignments: route({ method: 'GET', path: '/api/v1/assignments', query: PageQuery, response: AssignmentPage }),
  deleteAssignment: route({ method: 'DELETE', path: '/api/v1/assignments/{id}', response: Nothing }),
  compile: route({ method: 'POST', path: '/api/v1/compile', body: CompileRequest, response: CompileResponse }),
  listAgents: route({ method: 'GET', path: '/api/v1/agents', query: PageQuery, response: AgentPage }),
  getAgent: route({ method: 'GET', path: '/api/v1/agents/{id}', response: Agent }),
} as const;
