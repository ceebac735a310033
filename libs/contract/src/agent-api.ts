import { z } from 'zod';
import { AgentStatus } from './agent-status.js';
import { Nonce, Timestamp } from './naming.js';
import { route } from './route.js';
import { Bundle } from './signed/bundle.js';
import { Enrolled, EnrolRequest } from './signed/enrolment.js';
import { DsseEnvelope } from './signed/envelope.js';

export const DesiredQuery = z.object({
  /** How long to hold the call while nothing changes (long-poll), in seconds: `30s`. */
  wait: z
    .string()
    .regex(/^\d{1,2}s$/)
    .default('0s'),
  /** Stands in the state that answers (`DesiredState.nonce`). */
  nonce: Nonce.optional(),
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
