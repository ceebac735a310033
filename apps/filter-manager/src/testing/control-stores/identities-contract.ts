import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentStore } from '../../agents/agent-store.js';
import type { IdentityStore } from '../../identities/identity-store.js';
import { statusOf } from '../examples.js';
import type { ControlRig } from './control-rig.js';
import type { StoresUnderTest } from './stores-under-test.js';

/** What the stores of keys must do: those of agents, and the one that signs. */
export function describeIdentities(rig: ControlRig): void {
  const { create, add, assign, runs, generation } = rig;
  let stores: StoresUnderTest;
  let agents: AgentStore;
  let identities: IdentityStore;
  beforeEach(() => {
    ({ stores } = rig);
    ({ agents, identities } = stores);
  });

  describe('identities', () => {
    const key = (letter: string) => `${letter.repeat(43)}=`;
    const enrol = (agent: string, letter: string, labels = {}) =>
      identities.enrol({ agent, identityPublicKey: key(letter), labels });

    it('are kept, and may enrol again', async () => {
      expect(await identities.keysOf('a')).toEqual([]);
      await enrol('a', 'A');
      await enrol('a', 'A');
      expect(await identities.keysOf('a')).toEqual([key('A')]);
    });
    it('make their agent known, with what its labels select', async () => {
      await create('web');
      await assign({ filter: 'web', selector: 'env=prod' });
      await enrol('a', 'A', { env: 'prod' });
      const { status, ...agent } = await agents.get('a');
      expect(status).toBeUndefined();
      expect(agent).toMatchObject({ id: 'a', labels: { env: 'prod' }, generation: 1 });
      expect(await runs('a')).toEqual(['web@1']);
      expect((await agents.list(undefined, 9)).map(({ id }) => id)).toEqual(['a']);
      await add('web', 2);
      await assign({ filter: 'web', selector: 'env=prod' });
      expect([await generation('a'), await runs('a')]).toEqual([2, ['web@2']]);
      expect(await agents.recordStatus(statusOf('a', { sequence: 0, epoch: 0, labels: { env: 'prod' } }))).toBe(
        'taken',
      );
      await enrol('a', 'A', { env: 'other' });
      expect(await agents.get('a')).toMatchObject({ labels: { env: 'prod' }, status: { epoch: 0 } });
    });
    it('are one for each agent, and of one agent', async () => {
      await enrol('a', 'A');
      await expect(enrol('a', 'E')).rejects.toMatchObject({
        code: 'IDENTITY_CONFLICT',
        message: expect.stringContaining('another key'),
      });
      await expect(enrol('b', 'A')).rejects.toMatchObject({
        code: 'IDENTITY_CONFLICT',
        message: expect.stringContaining('agent a'),
      });
      expect([await identities.keysOf('a'), await identities.keysOf('b')]).toEqual([[key('A')], []]);
    });
    it('are one, of several that come at once', async () => {
      const letters = ['A', 'E', 'I', 'M'];
      const outcomes = await Promise.allSettled(letters.map((letter) => enrol('a', letter)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await identities.keysOf('a')).toHaveLength(1);
    });
    it('count no more once they are revoked, and make room for another', async () => {
      await enrol('a', 'A');
      await stores.revoke(key('A'));
      expect(await identities.keysOf('a')).toEqual([]);
      await expect(enrol('a', 'A')).rejects.toMatchObject({ code: 'ENROLMENT_REFUSED' });
      await enrol('a', 'E');
      expect(await identities.keysOf('a')).toEqual([key('E')]);
    });
    it('have tokens that count once', async () => {
      const soon = new Date(Date.now() + 60_000);
      expect(await identities.useToken('a', 'one', soon)).toBe(true);
      expect(await identities.useToken('a', 'one', soon)).toBe(false);
      expect(await identities.useToken('a', 'two', soon)).toBe(true);
      expect(await identities.useToken('b', 'one', soon)).toBe(true);
      const both = await Promise.all([1, 2].map(() => identities.useToken('a', 'three', soon)));
      expect(both.sort()).toEqual([false, true]);
    });
  });

  describe('the signing key', () => {
    it('is kept once', async () => {
      expect(await stores.signingKeys.find()).toBeUndefined();
      expect(await stores.signingKeys.keep('first')).toBe('first');
      expect(await stores.signingKeys.keep('second')).toBe('first');
      expect(await stores.signingKeys.find()).toBe('first');
    });
  });
}
