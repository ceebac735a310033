import { z } from 'zod';
import { AgentId, Digest, FilterName, Labels, SnaplenBytes, Timestamp } from './naming.js';
import { AnyFilterProgram } from './program.js';
import { route } from './route.js';
import { PublicKey } from './signed/keys.js';

export const RegistryAgent = z.object({
  id: AgentId,
  labels: Labels,
  identityKeys: z.array(z.object({ publicKey: PublicKey, revokedAt: Timestamp.optional() })),
});
export type RegistryAgent = z.infer<typeof RegistryAgent>;

export const RegistryVersion = z.object({
  filter: FilterName,
  version: z.int().positive(),
  digest: Digest,
  expression: z.string(),
  snaplenBytes: SnaplenBytes,
  programs: z.array(AnyFilterProgram),
});
export type RegistryVersion = z.infer<typeof RegistryVersion>;

/** What the services know of each other's business: who the agents are, and what every version is. */
export const Registry = z.object({
  /** Grows with each change. */
  revision: z.int().nonnegative(),
  agents: z.array(RegistryAgent),
  filters: z.array(z.object({ name: FilterName, deleted: z.boolean() })),
  versions: z.array(RegistryVersion),
});
export type Registry = z.infer<typeof Registry>;

export const RegistryQuery = z.object({
  /** How long to hold the call while nothing changes (long-poll), in seconds: `30s`. */
  wait: z
    .string()
    .regex(/^\d{1,2}s$/)
    .default('0s'),
});
export type RegistryQuery = z.infer<typeof RegistryQuery>;

export const internalApi = {
  getRegistry: route({
    method: 'GET',
    path: '/api/internal/v1/registry',
    query: RegistryQuery,
    response: Registry,
  }),
} as const;
