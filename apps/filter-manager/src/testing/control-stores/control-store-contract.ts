import { describe } from 'vitest';
import { describeAgents } from './agents-contract.js';
import { describeAssignments } from './assignments-contract.js';
import { controlRig } from './control-rig.js';
import { describeDesired } from './desired-contract.js';
import { describeFilters } from './filters-contract.js';
import { describeIdentities } from './identities-contract.js';
import { describeRegistry } from './registry-contract.js';
import type { StoresUnderTest } from './stores-under-test.js';

/** What the stores must do, whatever they keep things in. */
export function describeControlStores(name: string, open: () => Promise<StoresUnderTest>): void {
  describe(name, () => {
    const rig = controlRig(open);
    describeFilters(rig);
    describeAssignments(rig);
    describeAgents(rig);
    describeDesired(rig);
    describeIdentities(rig);
    describeRegistry(rig);
  });
}
