import { describeControlStores } from '../testing/control-stores/control-store-contract.js';
import { MemoryAgentStore } from './memory-agent-store.js';
import { MemoryAssignmentStore } from './memory-assignment-store.js';
import { MemoryControl } from './memory-control.js';
import { MemoryFilterStore } from './memory-filter-store.js';
import { MemoryIdentityStore } from './memory-identity-store.js';
import { MemoryRegistryStore } from './memory-registry-store.js';
import { MemorySigningKeyStore } from './memory-signing-key-store.js';

describeControlStores('the stores in memory', async () => {
  const changed: string[] = [];
  const control = new MemoryControl((agents) => changed.push(...agents));
  return {
    filters: new MemoryFilterStore(control),
    assignments: new MemoryAssignmentStore(control),
    agents: new MemoryAgentStore(control),
    identities: new MemoryIdentityStore(control),
    registry: new MemoryRegistryStore(control),
    signingKeys: new MemorySigningKeyStore(),
    revoke: async (publicKey) => {
      control.identities.get(publicKey)!.revokedAt = new Date().toISOString();
    },
    changed,
    close: async () => {},
  };
});
