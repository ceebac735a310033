import { agentApi, controlApi } from '@bpfleet/contract';
import { openApiOf, operationsOf } from '@bpfleet/service/nest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { statusOf } from './testing/examples.js';
import { type MemoryService, startMemoryService } from './testing/memory-service.js';

let service: MemoryService;
beforeEach(async () => {
  service = await startMemoryService();
});
afterEach(() => service.close());

const create = (name: string, expression = `${name} 1`) =>
  service.client.call(controlApi.createFilter, { body: { name, expression } });
const problem = async (response: Response) => ({ status: response.status, ...((await response.json()) as object) });
const request = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  fetch(service.url + path, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

describe('the API', () => {
  it('is the contract: each of its routes, under its name, and nothing else', () => {
    const bound = operationsOf(service.app).map(({ operationId, route }) => [operationId, route]);
    expect(Object.fromEntries(bound)).toEqual({ ...controlApi, ...agentApi });
  });
  it('is documented with everything that its schemas refer to', () => {
    const document = openApiOf(service.app);
    for (const { path, method } of Object.values({ ...controlApi, ...agentApi })) {
      expect(document.paths[path]?.[method.toLowerCase()], `${method} ${path}`).toBeDefined();
    }
    const references = JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g);
    for (const [, name] of references) expect(Object.keys(document.components.schemas)).toContain(name);
  });
});

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
    await expect(service.client.call(controlApi.getFilter, { path: { name: 'web' } })).rejects.toMatchObject({
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
      const page = await service.client.call(controlApi.listFilters, { query: { limit: 2, cursor } });
      names.push(page.items.map(({ name }) => name));
      cursor = page.next;
    } while (cursor);
    expect(names).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });
  it('end their list with a page that is just full', async () => {
    await create('a');
    expect(await service.client.call(controlApi.listFilters, { query: { limit: 1 } })).not.toHaveProperty('next');
  });
  it.each(['x', Buffer.from('agents:a').toString('base64url')])(
    'refuse a cursor that is none of theirs: %s',
    async (cursor) => {
      const list = service.client.call(controlApi.listFilters, { query: { cursor } });
      await expect(list).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    },
  );
  it('compile without being stored', async () => {
    const answer = await service.client.call(controlApi.compile, { body: { expression: 'port 80' } });
    expect(answer).toMatchObject({
      program: { linkType: 'EN10MB', form: 'offline', instructions: [expect.anything(), [6, 0, 0, 262_144]] },
      listing: '(000) ldh [7]\n',
    });
  });
});

describe('assignments over HTTP', () => {
  it('may select nobody yet', async () => {
    await create('web');
    const body = { filter: 'web', selector: 'env=staging' };
    expect(await service.client.call(controlApi.createAssignment, { body })).toMatchObject({ ...body, version: 1 });
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
    const { id } = await service.client.call(controlApi.createAssignment, { body: { filter: 'web' } });
    await service.client.call(controlApi.deleteAssignment, { path: { id } });
    expect(await service.client.call(controlApi.listAssignments, { query: {} })).toEqual({ items: [] });
  });
});

describe('the desired state over HTTP', () => {
  const desired = (known?: number, wait = '30s', signal?: AbortSignal) =>
    service.client.send(agentApi.getDesired, {
      query: { agent: 'a', wait },
      ...(known === undefined ? {} : { headers: { 'if-none-match': `"${known}"` } }),
      ...(signal ? { signal } : {}),
    });
  const register = () => service.client.call(agentApi.postStatus, { body: statusOf('a') });
  const assign = () => service.client.call(controlApi.createAssignment, { body: { filter: 'web' } });
  /** Resolves when this many calls wait. */
  const waiting = (count: number) => expect.poll(() => service.feed.size).toBe(count);

  it('needs an agent that has told its status', async () => {
    await expect(desired()).rejects.toMatchObject({ code: 'NOT_FOUND', hint: expect.stringContaining('status') });
  });
  it('is answered at once to an agent that knows none', async () => {
    await register();
    await create('web');
    await assign();
    const response = await desired();
    expect(response.headers.get('etag')).toBe('"2"');
    expect(await response.json()).toMatchObject({
      agent: 'a',
      generation: 2,
      filters: [{ filter: 'web', version: 1, expression: 'web 1', programs: [{ form: 'live' }, { form: 'live' }] }],
      settings: { flushWindowMs: 200, reportIntervalMs: 60_000 },
      excluded: [],
    });
  });
  it('is 304 when it is known and the agent does not wait', async () => {
    await register();
    const response = await desired(1, '0s');
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([304, '"1"', '']);
  });
  it('comes to a waiting agent as soon as it changes', async () => {
    await register();
    await create('web');
    const answer = desired(1);
    await waiting(1);
    await assign();
    expect(await (await answer).json()).toMatchObject({ generation: 2, filters: [{ filter: 'web' }] });
    await waiting(0);
  });
  it('does not disturb an agent that a change does not concern', async () => {
    await register();
    await service.client.call(agentApi.postStatus, { body: statusOf('b') });
    await create('web');
    const caller = new AbortController();
    const answer = desired(1, '30s', caller.signal);
    await waiting(1);
    await service.client.call(controlApi.createAssignment, { body: { filter: 'web', selector: 'env=prod' } });
    // Whatever was going to wake it would have: the store answers in the same turn.
    expect(service.feed.size).toBe(1);
    caller.abort();
    await expect(answer).rejects.toThrow();
    await waiting(0);
  });
  it('lets waiting agents go when the service stops', async () => {
    await register();
    const answer = desired(1);
    await waiting(1);
    const closed = service.close();
    expect((await answer).status).toBe(304);
    await closed;
  });
  it('is not lost between two calls', async () => {
    await register();
    await create('web');
    await assign();
    expect((await desired(1)).status).toBe(200);
  });
  it('takes a status with fields that a newer agent has', async () => {
    const body = { ...statusOf('a'), mood: 'good' };
    expect((await request('POST', '/api/agent/v1/status', body)).status).toBe(200);
    expect(await service.client.call(controlApi.getAgent, { path: { id: 'a' } })).toMatchObject({ generation: 1 });
  });
  it('refuses a status that is none', async () => {
    const response = await request('POST', '/api/agent/v1/status', { ...statusOf('a'), sequence: -1 });
    expect(await problem(response)).toMatchObject({ status: 400, errors: [{ path: 'sequence' }] });
  });
  it('counts statuses, and agents that wait', async () => {
    await register();
    await register();
    const caller = new AbortController();
    const answer = desired(1, '30s', caller.signal);
    await waiting(1);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch('bpfleet_filter_manager_waiting_agents 1');
    expect(metrics).toMatch('bpfleet_filter_manager_statuses_total{outcome="taken"} 1');
    expect(metrics).toMatch('bpfleet_filter_manager_statuses_total{outcome="late"} 1');
    caller.abort();
    await expect(answer).rejects.toThrow();
  });
});
