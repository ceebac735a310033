import { z } from 'zod';
import { AgentId, Digest, FilterName, InterfacePatterns, Labels, SnaplenBytes, Timestamp } from './naming.js';
import { FilterProgram } from './program.js';
import { route } from './route.js';

/** Traffic of bpfleet itself, kept out of every capture: a TCP endpoint, `host` a name or an address. */
export const Endpoint = z.object({ host: z.string().min(1).max(253), port: z.int().min(1).max(65_535) });
export type Endpoint = z.infer<typeof Endpoint>;

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

/** What one agent should run. `generation` only grows per agent; the ETag is the generation. */
export const DesiredState = z.object({
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
export type DesiredState = z.infer<typeof DesiredState>;

export const DesiredQuery = z.object({
  agent: AgentId,
  /** How long to hold the call while nothing changes (long-poll), in seconds: `30s`. */
  wait: z
    .string()
    .regex(/^\d{1,2}s$/)
    .default('0s'),
});
export type DesiredQuery = z.infer<typeof DesiredQuery>;

/**
 * What became of one filter version on one interface. `reported`: attached, and the program read back from the kernel
 * is the one that was attached; `diverged`: the kernel runs another one; `refused`: attach said no; `not applicable`: no
 * program for the link type; `pending`: not there yet.
 */
export const FilterState = z.object({
  filter: FilterName,
  version: z.int().positive(),
  digest: Digest,
  interface: z.string(),
  linkType: z.string(),
  state: z.enum(['pending', 'reported', 'diverged', 'refused', 'not applicable']),
  reason: z.string().optional(),
  /** sha256 of the program read back from the kernel, own-traffic exclusion included. */
  attachedDigest: Digest.optional(),
  counters: z
    .object({
      /** Passed the program, as the kernel counts: stored or dropped. */
      matched: z.int().nonnegative(),
      droppedByKernel: z.int().nonnegative(),
      captured: z.int().nonnegative(),
    })
    .optional(),
});
export type FilterState = z.infer<typeof FilterState>;

export const AgentStatus = z.object({
  agent: AgentId,
  /** Grows with each status of one agent process; an older one that arrives late is ignored. */
  sequence: z.int().nonnegative(),
  labels: Labels,
  generation: z.int().nonnegative(),
  epoch: z.int().nonnegative(),
  source: z.enum(['ring', 'file']),
  facts: z.object({
    hostname: z.string(),
    operatingSystem: z.string(),
    kernel: z.string(),
    architecture: z.string(),
    agentVersion: z.string(),
  }),
  interfaces: z.array(z.object({ name: z.string(), linkType: z.string(), up: z.boolean() })),
  filters: z.array(FilterState),
  sections: z.object({
    sent: z.int().nonnegative(),
    pending: z.int().nonnegative(),
    dropped: z.int().nonnegative(),
    /** Packets in the dropped sections. */
    packetsDropped: z.int().nonnegative(),
  }),
  errors: z.array(z.object({ code: z.string(), message: z.string(), at: Timestamp })).max(50),
});
export type AgentStatus = z.infer<typeof AgentStatus>;

export const StatusAccepted = z.object({ serverTime: Timestamp });
export type StatusAccepted = z.infer<typeof StatusAccepted>;

export const agentApi = {
  getDesired: route({ method: 'GET', path: '/api/agent/v1/desired', query: DesiredQuery, response: DesiredState }),
  postStatus: route({ method: 'POST', path: '/api/agent/v1/status', body: AgentStatus, response: StatusAccepted }),
} as const;
