import { controlApi } from '@bpfleet/contract';
import { describe, expect, it } from 'vitest';
import { httpRig, problem } from '../testing/http-rig.js';

const rig = httpRig();
const { create, request } = rig;

describe('assignments over HTTP', () => {
  it('may select nobody yet', async () => {
    await create('web');
    const body = { filter: 'web', selector: 'env=staging' };
    expect(await rig.service.client.call(controlApi.createAssignment, { body })).toMatchObject({ ...body, version: 1 });
  });
  it('refuse a selector that cannot be read', async () => {
    await create('web');
    const body = { filter: 'web', selector: 'env in prod' };
    expect(await problem(await request('POST', '/api/v1/assignments', body))).toMatchObject({
      status: 400,
      errors: [{ path: 'selector', message: expect.stringContaining('env in prod') }],
    });
  });
  it('can be removed', async () => {
    await create('web');
    const { id } = await rig.service.client.call(controlApi.createAssignment, { body: { filter: 'web' } });
    await rig.service.client.call(controlApi.deleteAssignment, { path: { id } });
    expect(await rig.service.client.call(controlApi.listAssignments, { query: {} })).toEqual({ items: [] });
  });
});
