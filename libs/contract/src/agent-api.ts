import { z } from 'zod';
import { AgentStatus } from './agent-status.js';
import { AgentId, Digest, Endpoint, FilterName, InterfacePatterns, SnaplenBytes, Timestamp } from './naming.js';
import { FilterProgram } from './program.js';
import { route } from './route.js';
import { Bundle } from './signed/bundle.js';
import { Enrolled, EnrolRequest } from './signed/enrolment.js';
import { DsseEnvelope } from './signed/envelope.js';

/** One filter version an agent should run. */
export const DesiredFilter = z.object({
  filter: FilterName,
  version: z.int().positive(),
  digest: Digest,
  expression: z.string(),
  interfaces: InterfacePatterns,
  snaplenBytes: SnaplenBytes,
  programs: z.array(FilterProgram),
});
export type DesiredFilter = z.infer<typeof DesiredFilter>;

/** What one agent should run, bundles and all, unsigned. `generation` only grows per agent; the ETag is the generation. */
export const PlainDesiredState = z.object({
  agent: AgentId,
  generation: z.int().nonnegative(),
  issuedAt: Timestamp,
  filters: z.array(DesiredFilter),
  settings: z.object({
    flushWindowMs: z.int().min(10).max(60_000).default(200),
    reportIntervalMs: z.int().min(500).max(600_000).default(60_000),
  }),
  /** Endpoints of the control and data plane. The agent adds those it is configured with. */
  excluded: z.array(Endpoint),
});
export type PlainDesiredState = z.infer<typeof PlainDesiredState>;

export const DesiredQuery = z.object({
  agent: AgentId.optional().describe('ignored: the token says who asks'),
  /** How long to hold the call while nothing changes (long-poll), in seconds: `30s`. */
  wait: z
    .string()
    .regex(/^\d{1,2}s$/)
    .default('0s'),
});
export type DesiredQuery = z.infer<typeof DesiredQuery>;

export const StatusAccepted = z.object({
  serverTime: Timestamp,
  /** For the statements of the next status. */
  nonce: z.string().max(128).optional(),
});
export type StatusAccepted = z.infer<typeof StatusAccepted>;

/** All but `enrol` need a token of the agent and the delegation of its session key (`DELEGATION_HEADER`). */
export const agentApi = {
  enrol: route({ method: 'POST', path: '/api/agent/v1/enrol', body: EnrolRequest, response: Enrolled }),
  /** A `DesiredState` in its envelope; the ETag is its generation. */
  getDesired: route({ method: 'GET', path: '/api/agent/v1/desired', query: DesiredQuery, response: DsseEnvelope }),
  /** The bytes as they were signed. */
  getBundle: route({ method: 'GET', path: '/api/agent/v1/bundles/{digest}', response: Bundle }),
  postStatus: route({ method: 'POST', path: '/api/agent/v1/status', body: AgentStatus, response: StatusAccepted }),
} as const;
