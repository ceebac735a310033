import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentStore } from '../../agents/agent-store.js';
import { statusOf } from '../examples.js';
import type { ControlRig } from './control-rig.js';

/** What a store of agents must do. */
export function describeAgents(rig: ControlRig): void {
  const { create, assign, runs, generation } = rig;
  let agents: AgentStore;
  beforeEach(() => {
    ({ agents } = rig.stores);
  });

  describe('agents', () => {
    it('are known from their first status, with nothing to run', async () => {
      await expect(agents.get('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(agents.desired('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      const status = statusOf('a', { labels: { env: 'prod' } });
      expect(await agents.recordStatus(status)).toBe('taken');
      expect(await agents.get('a')).toMatchObject({ id: 'a', labels: { env: 'prod' }, generation: 1, status });
      expect(await runs('a')).toEqual([]);
    });
    it('get at their first status what is assigned already', async () => {
      await create('web');
      await assign({ filter: 'web', selector: 'env=prod' });
      await agents.recordStatus(statusOf('a', { labels: { env: 'prod' } }));
      expect(await runs('a')).toEqual(['web@1']);
      expect(await generation('a')).toBe(1);
    });
    it('are listed by id, page by page', async () => {
      for (const id of ['b', 'A', 'c']) await agents.recordStatus(statusOf(id));
      expect((await agents.list(undefined, 2)).map(({ id }) => id)).toEqual(['A', 'b']);
      expect((await agents.list('b', 2)).map(({ id }) => id)).toEqual(['c']);
    });
    it('are not put back by a status that comes late', async () => {
      await agents.recordStatus(statusOf('a', { sequence: 7 }));
      expect(await agents.recordStatus(statusOf('a', { sequence: 6, source: 'file' }))).toBe('late');
      expect(await agents.recordStatus(statusOf('a', { sequence: 7, labels: { x: '1' } }))).toBe('late');
      expect(await agents.get('a')).toMatchObject({ labels: {}, status: { sequence: 7, source: 'ring' } });
      expect(await agents.recordStatus(statusOf('a', { sequence: 8, source: 'file' }))).toBe('taken');
      expect(await agents.get('a')).toMatchObject({ status: { sequence: 8, source: 'file' } });
    });
    it('count their statuses from the start in a new epoch', async () => {
      await agents.recordStatus(statusOf('a', { sequence: 7 }));
      expect(await agents.recordStatus(statusOf('a', { epoch: 2, sequence: 0 }))).toBe('taken');
      expect(await agents.get('a')).toMatchObject({ status: { epoch: 2 } });
    });
    it('have nonces: the last two that they were given count', async () => {
      await agents.recordStatus(statusOf('a'));
      expect(await agents.turnNonce('a', 'one')).toEqual([]);
      expect(await agents.turnNonce('a', 'two')).toEqual(['one']);
      expect(await agents.turnNonce('a', 'three')).toEqual(['two', 'one']);
      expect(await agents.turnNonce('a', 'four')).toEqual(['three', 'two']);
      expect(await agents.turnNonce('nobody', 'one')).toEqual([]);
    });
    it('are never told a lower generation than they have', async () => {
      await agents.recordStatus(statusOf('a', { generation: 41 }));
      expect(await generation('a')).toBe(42);
      await agents.recordStatus(statusOf('a', { sequence: 2, generation: 42 }));
      expect(await generation('a')).toBe(42);
      await agents.recordStatus(statusOf('a', { sequence: 3, generation: 50 }));
      expect(await generation('a')).toBe(51);
    });
  });
}
