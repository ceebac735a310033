import { controlApi } from '@bpfleet/contract';
import { describe, expect, it } from 'vitest';
import { httpRig, problem } from '../testing/http-rig.js';

const rig = httpRig();
const { create, request } = rig;

describe('filters over HTTP', () => {
  it('are made with defaults, named by their ETag', async () => {
    const response = await request('POST', '/api/v1/filters', { name: 'web', expression: 'port 80' });
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toBe('/api/v1/filters/web');
    expect(await response.json()).toMatchObject({
      name: 'web',
      description: '',
      latest: { version: 1, interfaces: ['*'], snaplenBytes: 128 },
    });
    const read = await request('GET', '/api/v1/filters/web');
    expect(read.headers.get('etag')).toBe(response.headers.get('etag'));
  });
  it('are refused with the place of the fault when they do not compile', async () => {
    const response = await request('POST', '/api/v1/filters', { name: 'web', expression: 'port ! 80' });
    expect(await problem(response)).toMatchObject({
      status: 422,
      code: 'FILTER_SYNTAX',
      span: { start: 5, end: 6 },
      hint: 'write not',
    });
    await expect(rig.service.client.call(controlApi.getFilter, { path: { name: 'web' } })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });
  it('are refused when no link type has packets that match', async () => {
    await expect(create('web', 'never ever')).rejects.toMatchObject({ code: 'NEVER_MATCHES' });
  });
  it('have a program for each link type that has', async () => {
    const { latest } = await create('web', 'not on RAW, that is');
    expect(latest.programs.map(({ linkType, form }) => [linkType, form])).toEqual([['EN10MB', 'live']]);
  });
  it('are told from each other by name: 409 for one that exists', async () => {
    await create('web');
    expect(await problem(await request('POST', '/api/v1/filters', { name: 'web', expression: 'x' }))).toMatchObject({
      status: 409,
      code: 'ALREADY_EXISTS',
      hint: expect.stringContaining('/api/v1/filters/web/versions'),
    });
  });
  it('get a version with 201, and the one they have with 200', async () => {
    await create('web');
    const add = (expression: string) => request('POST', '/api/v1/filters/web/versions', { expression });
    const added = await add('web 2');
    const again = await add('web 2');
    expect([added.status, again.status]).toEqual([201, 200]);
    expect(await again.json()).toEqual(await added.json());
  });
  it('change only as long as they are what the caller saw', async () => {
    await create('web');
    const seen = (await request('GET', '/api/v1/filters/web')).headers.get('etag')!;
    const add = (expression: string) =>
      request('POST', '/api/v1/filters/web/versions', { expression }, { 'if-match': seen });
    expect((await add('web 2')).status).toBe(201);
    expect(await problem(await add('web 3'))).toMatchObject({ status: 412, code: 'VERSION_CONFLICT' });
    const remove = (tag: string) => request('DELETE', '/api/v1/filters/web', undefined, { 'if-match': tag });
    expect((await remove(seen)).status).toBe(412);
    expect((await remove('*')).status).toBe(204);
  });
  it('are listed in pages until there is no next', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
    const names: string[][] = [];
    let cursor: string | undefined;
    do {
      const page = await rig.service.client.call(controlApi.listFilters, { query: { limit: 2, cursor } });
      names.push(page.items.map(({ name }) => name));
      cursor = page.next;
    } while (cursor);
    expect(names).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });
  it('end their list with a page that is just full', async () => {
    await create('a');
    expect(await rig.service.client.call(controlApi.listFilters, { query: { limit: 1 } })).not.toHaveProperty('next');
  });
  it.each(['x', Buffer.from('agents:a').toString('base64url')])(
    'refuse a cursor that is none of theirs: %s',
    async (cursor) => {
      const list = rig.service.client.call(controlApi.listFilters, { query: { cursor } });
      await expect(list).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    },
  );
  it('compile without being stored', async () => {
    const answer = await rig.service.client.call(controlApi.compile, { body: { expression: 'port 80' } });
    expect(answer).toMatchObject({
      program: { linkType: 'EN10MB', form: 'offline', instructions: [expect.anything(), [6, 0, 0, 262_144]] },
      listing: '(000) ldh [7]\n',
    });
  });
});
