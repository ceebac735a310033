import { createHash } from 'node:crypto';
import { controlApi, statusLimits } from '@bpfleet/contract';
import { beforeEach, describe, expect, it } from 'vitest';
import { httpRig } from '../testing/http-rig.js';
import { TestAgent } from '../testing/test-agent.js';

const rig = httpRig();
const { create } = rig;

describe('the desired state over HTTP', () => {
  let agent: TestAgent;
  beforeEach(() => {
    agent = new TestAgent('a', rig.service.url);
  });
  const assign = (selector?: string) =>
    rig.service.client.call(controlApi.createAssignment, {
      body: { filter: 'web', ...(selector === undefined ? {} : { selector }) },
    });
  /** Resolves when this many calls wait. */
  const waiting = (count: number) => expect.poll(() => rig.service.feed.size).toBe(count);

  it('is there once an agent has enrolled, by the labels that it told', async () => {
    await create('web');
    await assign('env=prod');
    await agent.enrol({ env: 'prod' });
    expect(await rig.service.client.call(controlApi.getAgent, { path: { id: 'a' } })).not.toHaveProperty('status');
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
      rig.service.control.change(() => {
        rig.service.control.settings = { ...rig.service.control.settings, notAfter };
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
    await new TestAgent('b', rig.service.url).register();
    await create('web');
    const caller = new AbortController();
    const answer = agent.desired(1, '30s', caller.signal);
    await waiting(1);
    await assign('env=prod');
    // Whatever was going to wake it would have: the store answers in the same turn.
    expect(rig.service.feed.size).toBe(1);
    caller.abort();
    await expect(answer).rejects.toThrow();
    await waiting(0);
  });
  it('lets waiting agents go when the service stops', async () => {
    await agent.register();
    const answer = agent.askDesired(1);
    await waiting(1);
    const closed = rig.service.close();
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
    expect(await rig.service.client.call(controlApi.getAgent, { path: { id: 'a' } })).toMatchObject({ generation: 1 });
  });
  it('takes the longest status that an agent sends', async () => {
    await agent.register();
    const state = { filter: 'web', version: 1, digest: `sha256:${'0'.repeat(64)}`, linkType: 'EN10MB' };
    const filters = Array.from({ length: statusLimits.filters }, (_, index) => ({
      ...{ ...state, interface: `veth${index}`, state: 'refused' as const, reason: 'x'.repeat(500) },
    }));
    await agent.report({ filters });
    const { status } = await rig.service.client.call(controlApi.getAgent, { path: { id: 'a' } });
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
    const metrics = await (await fetch(`${rig.service.url}/metrics`)).text();
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
    const agent = await new TestAgent('a', rig.service.url).register();
    const { latest } = await create('web');
    const response = await agent.askBundle(latest.digest);
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(response.headers.get('content-type')).toBe('application/vnd.bpfleet.bundle+json');
    expect(response.headers.get('etag')).toBe(`"${latest.digest}"`);
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(`sha256:${createHash('sha256').update(bytes).digest('hex')}`).toBe(latest.digest);
  });
  it.each(['sha256:0', `sha256:${'0'.repeat(64)}`, '..'])('are not there as %s', async (digest) => {
    const agent = await new TestAgent('a', rig.service.url).register();
    await expect(agent.askBundle(digest)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
