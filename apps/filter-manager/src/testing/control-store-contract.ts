import type { NewAssignment } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentStore } from '../agents/agent-store.js';
import type { AssignmentStore } from '../assignments/assignment-store.js';
import type { FilterStore } from '../filters/filter-store.js';
import type { IdentityStore } from '../identities/identity-store.js';
import { REGISTRY_CHANGED, type RegistryStore } from '../registry/registry-store.js';
import type { SigningKeyStore } from '../signing/signing-key-store.js';
import { statusOf, versionOf } from './examples.js';

/** The three stores over one state, and what they said had changed. */
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

/** What the stores must do, whatever they keep things in. */
export function describeControlStores(name: string, open: () => Promise<StoresUnderTest>): void {
  describe(name, () => {
    let stores: StoresUnderTest;
    let filters: FilterStore;
    let assignments: AssignmentStore;
    let agents: AgentStore;
    let identities: IdentityStore;
    let registry: RegistryStore;
    beforeEach(async () => {
      stores = await open();
      ({ filters, assignments, agents, identities, registry } = stores);
    });
    afterEach(() => stores.close());

    const create = (filter: string) => filters.create(filter, '', versionOf(filter, `${filter} 1`));
    const add = (filter: string, number: number) =>
      filters.addVersion(filter, versionOf(filter, `${filter} ${number}`));
    const assign = ({ selector = '', ...rest }: Partial<NewAssignment> & { filter: string }) =>
      assignments.assign({ ...rest, selector });
    const runs = async (agent: string) =>
      (await agents.desired(agent)).entries.map(({ filter, version }) => `${filter}@${version}`);
    const generation = async (agent: string) => (await agents.desired(agent)).generation;

    describe('filters', () => {
      it('are what they were made as', async () => {
        const made = await filters.create('web', 'all web', versionOf('web', 'port 80', { interfaces: ['eth*'] }));
        expect(made).toMatchObject({ name: 'web', description: 'all web', assignments: [] });
        expect(made.latest).toMatchObject({
          filter: 'web',
          version: 1,
          expression: 'port 80',
          interfaces: ['eth*'],
          snaplenBytes: 128,
          digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        });
        expect(made.latest.programs).toHaveLength(2);
        expect(await filters.get('web')).toEqual(made);
      });
      it('keep the bundle of each version, also after they are deleted', async () => {
        const made = versionOf('web', 'port 80')(1);
        const { latest } = await filters.create('web', '', versionOf('web', 'port 80', {}));
        expect(latest.digest).toBe(made.digest);
        await filters.delete('web');
        expect(Buffer.from(await filters.bundle(made.digest))).toEqual(Buffer.from(made.bundle));
        await expect(filters.bundle(`sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      });
      it('are found by their digests, whatever became of them', async () => {
        const [one, two] = [versionOf('web', 'web 1')(1), versionOf('web', 'web 2')(2)];
        await create('web');
        await add('web', 2);
        await create('dns');
        await filters.delete('web');
        const found = await filters.byDigest([two.digest, one.digest, `sha256:${'0'.repeat(64)}`]);
        expect(new Set(found.map(({ version }) => version))).toEqual(new Set([1, 2]));
        expect(found.find(({ version }) => version === 2)).toMatchObject({
          digest: two.digest,
          programs: two.programs,
        });
      });
      it('keep direction, sampling and budget', async () => {
        const wanted = {
          direction: 'inbound',
          sampling: 7,
          budget: { packetsPerSecond: 9, bytesPerSecond: 8 },
        } as const;
        const { latest } = await filters.create('web', '', versionOf('web', 'port 80', wanted));
        expect(latest).toMatchObject(wanted);
        const same = await filters.addVersion('web', versionOf('web', 'port 80', wanted));
        const other = await filters.addVersion('web', versionOf('web', 'port 80', { ...wanted, sampling: 8 }));
        expect([same.isNew, other.isNew]).toEqual([false, true]);
      });
      it('exist once', async () => {
        await create('web');
        await expect(create('web')).rejects.toMatchObject({ code: 'ALREADY_EXISTS' });
      });
      it('are not there before they are made', async () => {
        const missing = { code: 'NOT_FOUND' };
        await expect(filters.get('web')).rejects.toMatchObject(missing);
        await expect(add('web', 2)).rejects.toMatchObject(missing);
        await expect(filters.delete('web')).rejects.toMatchObject(missing);
        await expect(filters.versions('web', undefined, 9)).rejects.toMatchObject(missing);
      });
      it('get versions, counted from 1, each with its own digest', async () => {
        const { latest } = await create('web');
        const { version, isNew } = await add('web', 2);
        expect([version.version, isNew]).toEqual([2, true]);
        expect(version.digest).not.toBe(latest.digest);
        expect((await filters.get('web')).latest).toEqual(version);
      });
      it('keep their latest version when the new one has the same content', async () => {
        const { latest } = await create('web');
        expect(await add('web', 1)).toEqual({ version: latest, isNew: false });
        expect((await add('web', 2)).version.version).toBe(2);
      });
      it('show their versions newest first, page by page', async () => {
        await create('web');
        for (const number of [2, 3, 4]) await add('web', number);
        const page = await filters.versions('web', undefined, 3);
        expect(page.map(({ version }) => version)).toEqual([4, 3, 2]);
        expect((await filters.versions('web', 2, 3)).map(({ version }) => version)).toEqual([1]);
      });
      it('are listed by name, page by page', async () => {
        for (const filter of ['web', 'dns', 'a-b', 'ab']) await create(filter);
        expect((await filters.list(undefined, 3)).map((one) => one.name)).toEqual(['a-b', 'ab', 'dns']);
        expect((await filters.list('dns', 3)).map((one) => one.name)).toEqual(['web']);
      });
      it('go on counting when they are made again after they were deleted', async () => {
        const first = await create('web');
        await add('web', 2);
        await filters.delete('web');
        await expect(filters.get('web')).rejects.toMatchObject({ code: 'NOT_FOUND' });
        expect(await filters.list(undefined, 9)).toEqual([]);
        const again = await create('web');
        expect(again.latest.version).toBe(3);
        expect((await filters.versions('web', undefined, 9)).at(-1)).toEqual(first.latest);
      });
      it('change only if the caller agrees to what they are now', async () => {
        const made = await create('web');
        const refuse = () => {
          throw new Error('not this one');
        };
        await expect(filters.addVersion('web', versionOf('web', 'x'), refuse)).rejects.toThrow('not this one');
        await expect(filters.delete('web', refuse)).rejects.toThrow('not this one');
        expect(await filters.get('web')).toEqual(made);
      });
    });

    describe('assignments', () => {
      beforeEach(async () => {
        await create('web');
        await add('web', 2);
      });
      it('take the latest version unless another is named', async () => {
        expect(await assign({ filter: 'web', selector: 'a=1' })).toMatchObject({ version: 2 });
        expect(await assign({ filter: 'web', selector: 'a=2', version: 1 })).toMatchObject({ version: 1 });
      });
      it('need a filter and a version that exist', async () => {
        const missing = { code: 'NOT_FOUND' };
        await expect(assign({ filter: 'dns' })).rejects.toMatchObject(missing);
        await expect(assign({ filter: 'web', version: 3 })).rejects.toMatchObject(missing);
        await filters.delete('web');
        await expect(assign({ filter: 'web' })).rejects.toMatchObject(missing);
      });
      it('are one per filter and selector, and keep their id', async () => {
        const first = await assign({ filter: 'web', version: 1 });
        const second = await assign({ filter: 'web', version: 2 });
        expect(second).toMatchObject({ id: first.id, version: 2 });
        expect(await assignments.list(undefined, 9)).toEqual([second]);
      });
      it('are shown with their filter, newest first', async () => {
        await assign({ filter: 'web', selector: 'a=1' });
        await assign({ filter: 'web', selector: 'a=2' });
        await assign({ filter: 'web', selector: 'a=1', version: 1 });
        const { assignments: shown } = await filters.get('web');
        expect(shown.map(({ selector, version }) => `${selector}: ${version}`)).toEqual(['a=1: 1', 'a=2: 2']);
      });
      it('are listed page by page', async () => {
        for (const value of [1, 2, 3]) await assign({ filter: 'web', selector: `a=${value}` });
        const page = await assignments.list(undefined, 2);
        expect(page.map(({ selector }) => selector)).toEqual(['a=1', 'a=2']);
        expect((await assignments.list(page.at(-1)?.id, 2)).map(({ selector }) => selector)).toEqual(['a=3']);
      });
      it('go with their filter', async () => {
        await assign({ filter: 'web' });
        await filters.delete('web');
        expect(await assignments.list(undefined, 9)).toEqual([]);
      });
      it.each(['999', 'x'])('cannot be removed when there is none, as %s', async (id) => {
        await expect(assignments.unassign(id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      });
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
  });
}
