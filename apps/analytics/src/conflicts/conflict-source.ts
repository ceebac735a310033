import type { IdentityConflict } from '@bpfleet/store';

/** Agents that seem to be several; `ConflictStore` of the store implements it. */
export abstract class ConflictSource {
  /** The latest first. */
  abstract list(limit: number): Promise<IdentityConflict[]>;
}
