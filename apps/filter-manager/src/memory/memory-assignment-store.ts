import type { Assignment, NewAssignment } from '@bpfleet/contract';
import { AssignmentStore } from '../assignments/assignment-store.js';
import { assignmentNotFound, versionNotFound } from '../assignments/not-found.js';
import { filterNotFound } from '../filters/not-found.js';
import { after, type MemoryControl } from './memory-control.js';

export class MemoryAssignmentStore extends AssignmentStore {
  constructor(private readonly control: MemoryControl) {
    super();
  }

  override async assign({ filter, version, selector }: NewAssignment): Promise<Assignment> {
    const present = this.control.filters.get(filter);
    if (!present || present.isDeleted) throw filterNotFound(filter);
    const last = present.versions.length;
    if (version !== undefined && version > last) throw versionNotFound(filter, version);
    const id = this.control.assignmentId({ filter, selector });
    const assignment = { id, filter, version: version ?? last, selector, createdAt: new Date().toISOString() };
    this.control.change((revision) => this.control.assignments.set(id, { ...assignment, revision }));
    return assignment;
  }

  override async unassign(id: string): Promise<void> {
    this.control.change(() => {
      if (!this.control.assignments.delete(id)) throw assignmentNotFound(id);
    });
  }

  override async list(key: string | undefined, limit: number): Promise<Assignment[]> {
    const items = after(this.control.assignments.values(), ({ id }) => Number(id), key && Number(key), limit);
    return items.map(({ revision: _, ...assignment }) => assignment);
  }
}
