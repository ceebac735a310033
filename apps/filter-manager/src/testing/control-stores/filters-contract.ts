import { beforeEach, describe, expect, it } from 'vitest';
import type { FilterStore } from '../../filters/filter-store.js';
import { versionOf } from '../examples.js';
import type { ControlRig } from './control-rig.js';

/** What a store of filters must do. */
export function describeFilters(rig: ControlRig): void {
  const { create, add } = rig;
  let filters: FilterStore;
  beforeEach(() => {
    ({ filters } = rig.stores);
  });

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
}
