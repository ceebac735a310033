import type { NewAssignment } from '@bpfleet/contract';
import { afterEach, beforeEach } from 'vitest';
import { versionOf } from '../examples.js';
import type { StoresUnderTest } from './stores-under-test.js';

export type ControlRig = ReturnType<typeof controlRig>;

/** Opens the stores anew for each test of the suite that calls it; the steps that many tests begin with. */
export function controlRig(open: () => Promise<StoresUnderTest>) {
  let stores: StoresUnderTest;
  beforeEach(async () => {
    stores = await open();
  });
  afterEach(() => stores.close());
  const desired = (agent: string) => stores.agents.desired(agent);
  return {
    get stores(): StoresUnderTest {
      return stores;
    },
    create: (filter: string) => stores.filters.create(filter, '', versionOf(filter, `${filter} 1`)),
    add: (filter: string, number: number) =>
      stores.filters.addVersion(filter, versionOf(filter, `${filter} ${number}`)),
    assign: ({ selector = '', ...rest }: Partial<NewAssignment> & { filter: string }) =>
      stores.assignments.assign({ ...rest, selector }),
    runs: async (agent: string) => (await desired(agent)).entries.map(({ filter, version }) => `${filter}@${version}`),
    generation: async (agent: string) => (await desired(agent)).generation,
  };
}
