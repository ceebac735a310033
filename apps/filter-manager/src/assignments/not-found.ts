import { BpfleetError } from '@bpfleet/errors';

export const versionNotFound = (filter: string, version: number): BpfleetError =>
  new BpfleetError('NOT_FOUND', `filter ${filter} has no version ${version}`, {
    hint: `GET /api/v1/filters/${filter}/versions lists those there are`,
  });

export const assignmentNotFound = (id: string): BpfleetError =>
  new BpfleetError('NOT_FOUND', `there is no assignment ${id}`);
