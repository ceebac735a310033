import { z } from 'zod';
import { AgentId, Timestamp } from '../naming.js';
import { numberText } from '../number-text.js';
import { route } from '../route.js';

/**
 * Sections of an agent's epoch that show that it is several: `other-bytes` (one place, two contents) and `other-key` (one
 * epoch, two session keys) are in quarantine; `overlap` was captured by an older epoch while a newer one ran, and is stored.
 */
export const IdentityConflict = z.object({
  agent: AgentId,
  epoch: z.int().nonnegative(),
  kind: z.enum(['other-bytes', 'other-key', 'overlap']),
  sections: z.int().positive(),
  firstNoticedAt: Timestamp,
  lastNoticedAt: Timestamp,
});
export type IdentityConflict = z.infer<typeof IdentityConflict>;

export const IdentityConflicts = z.object({ items: z.array(IdentityConflict) });
export type IdentityConflicts = z.infer<typeof IdentityConflicts>;

export const IdentityConflictQuery = z.object({ limit: numberText(z.int().min(1).max(1000)).prefault(100) });
export type IdentityConflictQuery = z.infer<typeof IdentityConflictQuery>;

export const identityConflictsApi = {
  listIdentityConflicts: route({
    method: 'GET',
    path: '/api/v1/identity-conflicts',
    query: IdentityConflictQuery,
    response: IdentityConflicts,
  }),
} as const;
