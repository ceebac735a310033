import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentStore } from '../../agents/agent-store.js';
import type { FilterStore } from '../../filters/filter-store.js';
import type { IdentityStore } from '../../identities/identity-store.js';
import { REGISTRY_CHANGED, type RegistryStore } from '../../registry/registry-store.js';
import { statusOf, versionOf } from '../examples.js';
import type { ControlRig } from './control-rig.js';
import type { StoresUnderTest } from './stores-under-test.js';

/** What the registry must tell of the other stores. */
export function describeRegistry(rig: ControlRig): void {
  const { create, add } = rig;
  let stores: StoresUnderTest;
  let filters: FilterStore;
  let agents: AgentStore;
  let identities: IdentityStore;
  let registry: RegistryStore;
  beforeEach(() => {
    ({ stores } = rig);
    ({ filters, agents, identities, registry } = stores);
  });

  describe('the registry', () => {
    const key = (letter: string) => `${letter.repeat(43)}=`;

    it('names agents with their keys, filters, and every version there was', async () => {
      await identities.enrol({ agent: 'b', identityPublicKey: key('A'), labels: { env: 'dev' } });
      await identities.enrol({ agent: 'a', identityPublicKey: key('E'), labels: {} });
      await agents.recordStatus(statusOf('b', { labels: { env: 'prod' } }));
      await agents.recordStatus(statusOf('not-enrolled'));
      await stores.revoke(key('E'));
      await create('web');
      await add('web', 2);
      await create('dns');
      await filters.delete('dns');
      const { agents: known, filters: named, versions } = await registry.read();
      expect(known).toEqual([
        { id: 'a', labels: {}, identityKeys: [{ publicKey: key('E'), revokedAt: expect.any(String) }] },
        { id: 'b', labels: { env: 'prod' }, identityKeys: [{ publicKey: key('A') }] },
      ]);
      expect(named).toEqual([
        { name: 'dns', deleted: true },
        { name: 'web', deleted: false },
      ]);
      const made = [versionOf('dns', 'dns 1')(1), versionOf('web', 'web 1')(1), versionOf('web', 'web 2')(2)];
      expect(versions).toEqual(
        made.map(({ filter, version, digest, expression, snaplenBytes, programs }) => ({
          ...{ filter, version, digest, expression, snaplenBytes, programs },
        })),
      );
    });
    it('has a higher revision after each change, says so, and the same after none', async () => {
      await identities.enrol({ agent: 'a', identityPublicKey: key('A'), labels: {} });
      await agents.recordStatus(statusOf('a'));
      const changes: (() => Promise<unknown>)[] = [
        () => identities.enrol({ agent: 'b', identityPublicKey: key('E'), labels: {} }),
        () => agents.recordStatus(statusOf('a', { sequence: 2, labels: { x: '1' } })),
        () => create('web'),
        () => add('web', 2),
        () => filters.delete('web'),
      ];
      const none: (() => Promise<unknown>)[] = [
        () => identities.enrol({ agent: 'b', identityPublicKey: key('E'), labels: {} }),
        () => agents.recordStatus(statusOf('a', { sequence: 3, labels: { x: '1' } })),
        () => identities.useToken('a', 'one', new Date()),
      ];
      for (const [change, isOne] of [
        ...changes.map((c) => [c, true] as const),
        ...none.map((c) => [c, false] as const),
      ]) {
        const before = await registry.revision();
        stores.changed.length = 0;
        await change();
        const after = await registry.revision();
        expect(after > before, String(change)).toBe(isOne);
        expect((await registry.read()).revision).toBe(after);
        await expect.poll(() => stores.changed.includes(REGISTRY_CHANGED)).toBe(isOne);
      }
    });
  });
}
