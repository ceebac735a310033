import type { NewAssignment } from '@bpfleet/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentStore } from '../agents/agent-store.js';
import type { AssignmentStore } from '../assignments/assignment-store.js';
import type { FilterStore } from '../filters/filter-store.js';
import { statusOf, versionOf } from './examples.js';

/** The three stores over one state, and what they said had changed. */
export interface StoresUnderTest {
  readonly filters: FilterStore;
  readonly assignments: AssignmentStore;
  readonly agents: AgentStore;
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
    beforeEach(async () => {
      stores = await open();
      ({ filters, assignments, agents } = stores);
    });
    afterEach(() => stores.close());

    const create = (filter: string) => filters.create(filter, '', versionOf(filter, `${filter} 1`));
    const add = (filter: string, number: number) =>
      filters.addVersion(filter, versionOf(filter, `${filter} ${number}`));
    const assign = ({ selector = '', ...rest }: Partial<NewAssignment> & { filter: string }) =>
      assignments.assign({ ...rest, selector });
    const runs = async (agent: string) =>
      (await agents.desired(agent)).versions.map(({ filter, version }) => `${filter}@${version}`);
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
        expect(stores.changed).toEqual(['web-1']);
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
          settings: { flushWindowMs: 50, reportIntervalMs: 2000 },
          excluded: [{ host: 'kafka', port: 9092 }],
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
  });
}
