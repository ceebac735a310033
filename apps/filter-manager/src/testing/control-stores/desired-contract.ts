import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentStore } from '../../agents/agent-store.js';
import type { AssignmentStore } from '../../assignments/assignment-store.js';
import type { FilterStore } from '../../filters/filter-store.js';
import { REGISTRY_CHANGED } from '../../registry/registry-store.js';
import { statusOf } from '../examples.js';
import type { ControlRig } from './control-rig.js';
import type { StoresUnderTest } from './stores-under-test.js';

/** What filters, assignments and statuses make agents run. */
export function describeDesired(rig: ControlRig): void {
  const { create, add, assign, runs, generation } = rig;
  let stores: StoresUnderTest;
  let filters: FilterStore;
  let assignments: AssignmentStore;
  let agents: AgentStore;
  beforeEach(() => {
    ({ stores } = rig);
    ({ filters, assignments, agents } = stores);
  });

  describe('what agents should run', () => {
    beforeEach(async () => {
      await agents.recordStatus(statusOf('web-1', { labels: { role: 'web' } }));
      await agents.recordStatus(statusOf('db-1', { labels: { role: 'db' } }));
      for (const filter of ['web', 'dns']) await create(filter);
      await add('web', 2);
      stores.changed.length = 0;
    });
    it('follows the selectors, by name of the filter', async () => {
      await assign({ filter: 'web', selector: 'role=web' });
      await assign({ filter: 'dns' });
      expect(await runs('web-1')).toEqual(['dns@1', 'web@2']);
      expect(await runs('db-1')).toEqual(['dns@1']);
    });
    it('has a new generation for those it changes, and for nobody else', async () => {
      await assign({ filter: 'web', selector: 'role=web' });
      expect(new Set(stores.changed.filter((one) => one !== REGISTRY_CHANGED))).toEqual(new Set(['web-1']));
      expect([await generation('web-1'), await generation('db-1')]).toEqual([2, 1]);
    });
    it('keeps its generation when a change comes to the same', async () => {
      await assign({ filter: 'web', selector: 'role=web' });
      await assign({ filter: 'web', selector: 'role=web' });
      await assign({ filter: 'web', selector: 'role in (web)' });
      expect(await generation('web-1')).toBe(2);
    });
    it('is not changed by a new version alone', async () => {
      await assign({ filter: 'web' });
      await add('web', 3);
      expect(await runs('web-1')).toEqual(['web@2']);
    });
    it('is, of two assignments that select an agent, the newer one', async () => {
      await assign({ filter: 'web', selector: 'role=web', version: 1 });
      await assign({ filter: 'web', version: 2 });
      expect(await runs('web-1')).toEqual(['web@2']);
      await assign({ filter: 'web', selector: 'role=web', version: 1 });
      expect([await runs('web-1'), await runs('db-1')]).toEqual([['web@1'], ['web@2']]);
    });
    it('falls back to the older assignment when the newer one goes', async () => {
      await assign({ filter: 'web', version: 1 });
      const { id } = await assign({ filter: 'web', selector: 'role=web', version: 2 });
      await assignments.unassign(id);
      expect(await runs('web-1')).toEqual(['web@1']);
    });
    it('is without a filter that was deleted', async () => {
      await assign({ filter: 'web' });
      await filters.delete('web');
      expect(await runs('web-1')).toEqual([]);
      expect(await generation('web-1')).toBe(3);
    });
    it('changes with the labels', async () => {
      await assign({ filter: 'web', selector: 'role=web' });
      await agents.recordStatus(statusOf('db-1', { sequence: 2, labels: { role: 'web' } }));
      expect(await runs('db-1')).toEqual(['web@2']);
      expect(await generation('db-1')).toBe(2);
    });
    it('holds the settings of all agents', async () => {
      const settings = {
        settings: { flushWindowMs: 50, reportIntervalMs: 2000, budgets: {} },
        excluded: [{ host: 'kafka', port: 9092 }],
        linkerVersion: 1,
        keys: ['a key'],
        revokedKeys: ['another'],
        notAfter: '2026-11-29T00:00:00.000Z',
      };
      await agents.applySettings(settings);
      expect(await agents.desired('web-1')).toMatchObject({ ...settings, generation: 2 });
      await agents.applySettings(settings);
      expect(await generation('web-1')).toBe(2);
    });
    it('is right whatever happens at once', async () => {
      await Promise.all([
        ...[1, 2, 3, 4, 5].map((n) => assign({ filter: 'web', selector: `role=web,!x${n}` })),
        assign({ filter: 'dns' }),
        agents.recordStatus(statusOf('db-1', { sequence: 2, labels: { role: 'web' } })),
        ...[1, 2, 3].map((n) => agents.recordStatus(statusOf(`new-${n}`, { labels: { role: 'web' } }))),
      ]);
      for (const agent of ['web-1', 'db-1', 'new-1', 'new-2', 'new-3']) {
        expect(await runs(agent), agent).toEqual(['dns@1', 'web@2']);
      }
    });
  });
}
