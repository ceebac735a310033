import { describeControlStores } from '../testing/control-store-contract.js';
import { MemoryAgentStore } from './memory-agent-store.js';
import { MemoryAssignmentStore } from './memory-assignment-store.js';
import { MemoryControl } from './memory-control.js';
import { MemoryFilterStore } from './memory-filter-store.js';

describeControlStores('the stores in memory', async () => {
  const changed: string[] = [];
  const control = new MemoryControl((agents) => changed.push(...agents));
  return {
    filters: new MemoryFilterStore(control),
    assignments: new MemoryAssignmentStore(control),
    agents: new MemoryAgentStore(control),
    changed,
    close: async () => {},
  };
});
