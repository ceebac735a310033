import type { AgentStore } from '../../agents/agent-store.js';
import type { AssignmentStore } from '../../assignments/assignment-store.js';
import type { FilterStore } from '../../filters/filter-store.js';
import type { IdentityStore } from '../../identities/identity-store.js';
import type { RegistryStore } from '../../registry/registry-store.js';
import type { SigningKeyStore } from '../../signing/signing-key-store.js';

/** The stores over one state, and what they said had changed. */
export interface StoresUnderTest {
  readonly filters: FilterStore;
  readonly assignments: AssignmentStore;
  readonly agents: AgentStore;
  readonly identities: IdentityStore;
  readonly registry: RegistryStore;
  readonly signingKeys: SigningKeyStore;
  /** Marks a key as revoked: what key management will do. */
  revoke(publicKey: string): Promise<void>;
  /** Agents that were reported to have a new generation, in order. */
  readonly changed: string[];
  close(): Promise<void>;
}
