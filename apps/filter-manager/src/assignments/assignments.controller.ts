import { type Assignment, type AssignmentPage, controlApi } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import { Controller } from '@nestjs/common';
import { pageOf } from '../paging/paging.js';
import { AssignmentStore } from './assignment-store.js';

@Controller()
export class AssignmentsController {
  constructor(private readonly store: AssignmentStore) {}

  @Call(controlApi.createAssignment, {
    summary: 'Put a version on the agents a selector picks, now and later; the newest of several assignments counts',
  })
  createAssignment({ body }: CallOf<typeof controlApi.createAssignment>): Promise<Assignment> {
    return this.store.assign(body);
  }

  @Call(controlApi.listAssignments)
  listAssignments({ query }: CallOf<typeof controlApi.listAssignments>): Promise<AssignmentPage> {
    return pageOf(
      'assignments',
      query,
      (after, limit) => this.store.list(after, limit),
      ({ id }) => id,
    );
  }

  @Call(controlApi.deleteAssignment)
  async deleteAssignment({ path }: CallOf<typeof controlApi.deleteAssignment>): Promise<undefined> {
    await this.store.unassign(path.id);
  }
}
