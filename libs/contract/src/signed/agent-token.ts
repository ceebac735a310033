import { z } from 'zod';
import { AgentId } from '../naming.js';

/** `aud` of an agent's tokens: no token for another service is one for us. */
export const AGENT_TOKEN_AUDIENCE = 'bpfleet-agent-api';
/** `exp` is at most so much later than `iat`. */
export const AGENT_TOKEN_SECONDS = 60;
/** How far an agent's clock may be off. Beyond, the answer is `CLOCK_SKEW` with the service's time. */
export const CLOCK_TOLERANCE_SECONDS = 30;
/** Response header of every answer of the agent API: the service's time, ISO 8601. */
export const SERVER_TIME_HEADER = 'bpfleet-server-time';

/** A JWT (RFC 7519), `alg` EdDSA, signed by the session key: one for each call. */
export const AgentTokenClaims = z.object({
  /** The agent. */
  sub: AgentId,
  aud: z.literal(AGENT_TOKEN_AUDIENCE),
  iat: z.int().nonnegative(),
  exp: z.int().nonnegative(),
  /** Random; the service takes it once. */
  jti: z.string().min(16).max(64),
});
export type AgentTokenClaims = z.infer<typeof AgentTokenClaims>;
