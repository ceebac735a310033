import { createHash } from 'node:crypto';
import {
  agentApi,
  controlApi,
  DELEGATION_HEADER,
  enrolmentKind,
  internalApi,
  SERVER_TIME_HEADER,
  sealDocument,
  statusLimits,
} from '@bpfleet/contract';
import { PrivateKey } from '@bpfleet/service';
import { openApiOf, operationsOf } from '@bpfleet/service/nest';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MemoryService, startMemoryService } from './testing/memory-service.js';
import { TestAgent } from './testing/test-agent.js';

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
    expect(Object.fromEntries(bound)).toEqual({ ...controlApi, ...agentApi, ...internalApi });
  });
  it('is documented with everything that its schemas refer to', () => {
    const document = openApiOf(service.app);
    for (const { path, method } of Object.values({ ...controlApi, ...agentApi, ...internalApi })) {
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
  let agent: TestAgent;
  beforeEach(() => {
    agent = new TestAgent('a', service.url);
  });
  const assign = (selector?: string) =>
    service.client.call(controlApi.createAssignment, {
      body: { filter: 'web', ...(selector === undefined ? {} : { selector }) },
    });
  /** Resolves when this many calls wait. */
  const waiting = (count: number) => expect.poll(() => service.feed.size).toBe(count);

  it('is there once an agent has enrolled, by the labels that it told', async () => {
    await create('web');
    await assign('env=prod');
    await agent.enrol({ env: 'prod' });
    expect(await service.client.call(controlApi.getAgent, { path: { id: 'a' } })).not.toHaveProperty('status');
    expect(await agent.runs()).toEqual(['web@1']);
    await agent.report({ labels: { env: 'prod' } });
    expect(await agent.desired()).toMatchObject({ generation: 1 });
  });
  it('is answered at once to an agent that knows none, signed', async () => {
    await agent.register();
    const { latest } = await create('web');
    await assign();
    const response = await agent.askDesired();
    expect(response.headers.get('etag')).toBe('"2"');
    const state = await agent.desired();
    expect(state).toMatchObject({
      agent: 'a',
      generation: 2,
      entries: [{ digest: latest.digest, interfaces: ['*'] }],
      settings: { flushWindowMs: 200, reportIntervalMs: 60_000, budgets: {} },
      excluded: [],
      linkerVersion: 1,
      keys: agent.trust.keys,
      revokedKeys: [],
    });
    expect(Math.abs(Date.parse(state!.issuedAt) - Date.now())).toBeLessThan(10_000);
    expect(await agent.runs(state)).toEqual(['web@1']);
  });
  it('says of each filter until when it runs, and is a new one when that changes', async () => {
    await agent.register();
    await create('web');
    await assign();
    const until = async (notAfter: string) => {
      service.control.change(() => {
        service.control.settings = { ...service.control.settings, notAfter };
      });
      const { generation, entries } = (await agent.desired())!;
      return [generation, ...entries.map((entry) => entry.notAfter)];
    };
    expect(await until('2026-12-01T00:00:00.000Z')).toEqual([3, '2026-12-01T00:00:00.000Z']);
    expect(await until('2026-12-08T00:00:00.000Z')).toEqual([4, '2026-12-08T00:00:00.000Z']);
  });
  it('is 304 when it is known and the agent does not wait', async () => {
    await agent.register();
    const response = await agent.askDesired(1, '0s');
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([304, '"1"', '']);
  });
  it('comes to a waiting agent as soon as it changes', async () => {
    await agent.register();
    await create('web');
    const answer = agent.desired(1);
    await waiting(1);
    await assign();
    expect(await answer).toMatchObject({ generation: 2, entries: [{ interfaces: ['*'] }] });
    await waiting(0);
  });
  it('does not disturb an agent that a change does not concern', async () => {
    await agent.register();
    await new TestAgent('b', service.url).register();
    await create('web');
    const caller = new AbortController();
    const answer = agent.desired(1, '30s', caller.signal);
    await waiting(1);
    await assign('env=prod');
    // Whatever was going to wake it would have: the store answers in the same turn.
    expect(service.feed.size).toBe(1);
    caller.abort();
    await expect(answer).rejects.toThrow();
    await waiting(0);
  });
  it('lets waiting agents go when the service stops', async () => {
    await agent.register();
    const answer = agent.askDesired(1);
    await waiting(1);
    const closed = service.close();
    expect((await answer).status).toBe(304);
    await closed;
  });
  it('is not lost between two calls', async () => {
    await agent.register();
    await create('web');
    await assign();
    expect((await agent.askDesired(1)).status).toBe(200);
  });
  it('takes a status with fields that a newer agent has', async () => {
    await agent.enrol();
    await agent.report({ mood: 'good' } as never);
    expect(await service.client.call(controlApi.getAgent, { path: { id: 'a' } })).toMatchObject({ generation: 1 });
  });
  it('takes the longest status that an agent sends', async () => {
    await agent.register();
    const state = { filter: 'web', version: 1, digest: `sha256:${'0'.repeat(64)}`, linkType: 'EN10MB' };
    const filters = Array.from({ length: statusLimits.filters }, (_, index) => ({
      ...{ ...state, interface: `veth${index}`, state: 'refused' as const, reason: 'x'.repeat(500) },
    }));
    await agent.report({ filters });
    const { status } = await service.client.call(controlApi.getAgent, { path: { id: 'a' } });
    expect(status!.filters).toHaveLength(statusLimits.filters);
  });
  it('refuses a status that is none, or another one’s', async () => {
    await agent.enrol();
    await expect(agent.report({ sequence: -1 })).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringContaining('sequence'),
    });
    for (const other of [{ agent: 'b' }, { epoch: 2 }]) {
      await expect(agent.report(other)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    }
  });
  it('counts statuses, and agents that wait', async () => {
    await agent.register();
    await agent.report({ sequence: 1 });
    const caller = new AbortController();
    const answer = agent.desired(1, '30s', caller.signal);
    await waiting(1);
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch('bpfleet_filter_manager_waiting_agents 1');
    expect(metrics).toMatch('bpfleet_filter_manager_statuses_total{outcome="taken"} 1');
    expect(metrics).toMatch('bpfleet_filter_manager_statuses_total{outcome="late"} 1');
    expect(metrics).toMatch('bpfleet_filter_manager_enrolments_total 1');
    caller.abort();
    await expect(answer).rejects.toThrow();
  });
});

describe('bundles over HTTP', () => {
  it('are bytes with the digest that names them, for ever', async () => {
    const agent = await new TestAgent('a', service.url).register();
    const { latest } = await create('web');
    const response = await agent.askBundle(latest.digest);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(response.headers.get('content-type')).toBe('application/vnd.bpfleet.bundle+json');
    expect(response.headers.get('etag')).toBe(`"${latest.digest}"`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(latest.digest);
  });
  it.each(['sha256:0', `sha256:${'0'.repeat(64)}`, '..'])('are not there as %s', async (digest) => {
    const agent = await new TestAgent('a', service.url).register();
    await expect(agent.askBundle(digest)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('enrolment over HTTP', () => {
  const keysOf = async (agent: TestAgent) => (await agent.enrol()).keys;

  it('tells the keys to trust, and the time', async () => {
    const agent = new TestAgent('a', service.url);
    const enrolled = await agent.enrol({ env: 'prod' });
    expect(enrolled).toMatchObject({ agent: 'a', keys: service.control.settings.keys });
    expect(enrolled.keys).toHaveLength(1);
    expect(Math.abs(Date.parse(enrolled.serverTime) - Date.now())).toBeLessThan(10_000);
  });
  it('may happen again with the same key, and not with another', async () => {
    const agent = new TestAgent('a', service.url);
    expect(await keysOf(agent)).toEqual(await keysOf(agent));
    await expect(new TestAgent('a', service.url).enrol()).rejects.toMatchObject({
      code: 'IDENTITY_CONFLICT',
      hint: expect.stringContaining('BPFLEET_AGENT_ID'),
    });
    await agent.report();
  });
  it('needs the key that it names', async () => {
    const [named, other] = [PrivateKey.generate(), PrivateKey.generate()];
    const document = { agent: 'a', identityPublicKey: named.publicKey, labels: {} };
    const enrolment = sealDocument(enrolmentKind, document, [other]);
    const enrol = service.client.call(agentApi.enrol, { body: { token: '', enrolment } });
    await expect(enrol).rejects.toMatchObject({ code: 'SIGNATURE_INVALID' });
    expect(service.control.identities.size).toBe(0);
  });
  it('needs the secret of the fleet where it has one', async () => {
    const fleet = await startMemoryService('a secret');
    try {
      const agent = new TestAgent('a', fleet.url);
      for (const token of ['', 'a secre', 'a secret!']) {
        const enrol = agent.enrol({}, token);
        await expect(enrol).rejects.toMatchObject({ code: 'ENROLMENT_REFUSED' });
        await expect(enrol).rejects.not.toThrow('a secret');
      }
      expect(fleet.control.identities.size).toBe(0);
      await agent.enrol({}, 'a secret');
      // It says so again at each start, also when the secret was changed.
      await agent.enrol({}, 'an older secret');
      await expect(new TestAgent('b', fleet.url).enrol({}, 'an older secret')).rejects.toMatchObject({
        code: 'ENROLMENT_REFUSED',
      });
    } finally {
      await fleet.close();
    }
  });
});

describe('a call of an agent', () => {
  let agent: TestAgent;
  beforeEach(async () => {
    agent = await new TestAgent('a', service.url).register();
  });
  const get = (headers: Record<string, string>) => request('GET', '/api/agent/v1/desired', undefined, headers);
  const refused = async (headers: Record<string, string>) => {
    const response = await get(headers);
    expect(Math.abs(Date.parse(response.headers.get(SERVER_TIME_HEADER)!) - Date.now())).toBeLessThan(10_000);
    return problem(response);
  };

  it('is answered once for each token', async () => {
    const headers = await agent.headers();
    expect((await get(headers)).status).toBe(200);
    expect(await refused(headers)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });
  it('needs both token and delegation', async () => {
    const { authorization, [DELEGATION_HEADER]: delegation } = await agent.headers();
    for (const headers of [{}, { authorization: authorization! }, { [DELEGATION_HEADER]: delegation! }]) {
      expect(await refused(headers)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    }
  });
  it('is not another agent’s', async () => {
    const other = await new TestAgent('b', service.url).register();
    const [own, foreign] = [await agent.headers(), await other.headers()];
    const mixed = { ...own, [DELEGATION_HEADER]: foreign[DELEGATION_HEADER]! };
    expect(await refused(mixed)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    const forged = Object.assign(new TestAgent('a', service.url), { session: other.session });
    expect(await refused(await forged.headers())).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });
  it('tells an agent whose clock is off what time it is', async () => {
    const hourAgo = await agent.headers(Date.now() - 3_600_000);
    expect(await refused(hourAgo)).toMatchObject({ status: 401, code: 'CLOCK_SKEW' });
  });
  it('is of an agent that enrolled, with a key that still counts', async () => {
    const stranger = new TestAgent('stranger', service.url);
    expect(await refused(await stranger.headers())).toMatchObject({ status: 401, code: 'NOT_ENROLLED' });
    service.control.identities.get(agent.identity.publicKey)!.revokedAt = new Date().toISOString();
    expect(await refused(await agent.headers())).toMatchObject({ status: 401, code: 'NOT_ENROLLED' });
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch('bpfleet_filter_manager_refused_calls_total{code="NOT_ENROLLED"} 2');
  });
});

describe('the registry over HTTP', () => {
  const ask = (known?: number, wait = '30s', signal?: AbortSignal) =>
    service.client.send(internalApi.getRegistry, {
      query: { wait },
      ...(known === undefined ? {} : { headers: { 'if-none-match': `"${known}"` } }),
      ...(signal ? { signal } : {}),
    });

  it('is named by its revision', async () => {
    await new TestAgent('a', service.url).register();
    const response = await ask();
    const registry = internalApi.getRegistry.response.parse(await response.json());
    expect(response.headers.get('etag')).toBe(`"${registry.revision}"`);
    expect(registry.agents).toMatchObject([{ id: 'a' }]);
    const again = await ask(registry.revision, '0s');
    expect([again.status, again.headers.get('etag')]).toEqual([304, `"${registry.revision}"`]);
  });
  it('comes to whoever waits for another one', async () => {
    const { revision } = internalApi.getRegistry.response.parse(await (await ask()).json());
    const answer = ask(revision);
    await expect.poll(() => service.feed.size).toBe(1);
    await new TestAgent('a', service.url).enrol();
    expect(await (await answer).json()).toMatchObject({ agents: [{ id: 'a' }] });
  });
});
