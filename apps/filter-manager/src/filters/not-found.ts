import { BpfleetError } from '@bpfleet/errors';

export const bundleNotFound = (digest: string): BpfleetError =>
  new BpfleetError('NOT_FOUND', `there is no bundle ${digest}`);

export const filterNotFound = (name: string): BpfleetError =>
  new BpfleetError('NOT_FOUND', `there is no filter ${name}`, { hint: 'GET /api/v1/filters lists those there are' });

export const filterExists = (name: string): BpfleetError =>
  new BpfleetError('ALREADY_EXISTS', `there is a filter ${name} already`, {
    hint: `to change it, add a version: POST /api/v1/filters/${name}/versions`,
  });
