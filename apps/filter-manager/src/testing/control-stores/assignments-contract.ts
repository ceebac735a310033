import { beforeEach, describe, expect, it } from 'vitest';
import type { AssignmentStore } from '../../assignments/assignment-store.js';
import type { FilterStore } from '../../filters/filter-store.js';
import type { ControlRig } from './control-rig.js';

/** What a store of assignments must do. */
export function describeAssignments(rig: ControlRig): void {
  const { create, add, assign } = rig;
  let filters: FilterStore;
  let assignments: AssignmentStore;
  beforeEach(() => {
    ({ filters, assignments } = rig.stores);
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
}
