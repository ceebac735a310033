import { DELEGATION_HEADER, SERVER_TIME_HEADER } from '@bpfleet/contract';
import { beforeEach, describe, expect, it } from 'vitest';
import { httpRig, problem } from '../testing/http-rig.js';
import { TestAgent } from '../testing/test-agent.js';

const rig = httpRig();
const { request } = rig;

describe('a call of an agent', () => {
  let agent: TestAgent;
  beforeEach(async () => {
    agent = await new TestAgent('a', rig.service.url).register();
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
    const other = await new TestAgent('b', rig.service.url).register();
    const [own, foreign] = [await agent.headers(), await other.headers()];
    const mixed = { ...own, [DELEGATION_HEADER]: foreign[DELEGATION_HEADER]! };
    expect(await refused(mixed)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    const forged = Object.assign(new TestAgent('a', rig.service.url), { session: other.session });
    expect(await refused(await forged.headers())).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  });
  it('tells an agent whose clock is off what time it is', async () => {
    const hourAgo = await agent.headers(Date.now() - 3_600_000);
    expect(await refused(hourAgo)).toMatchObject({ status: 401, code: 'CLOCK_SKEW' });
  });
  it('is of an agent that enrolled, with a key that still counts', async () => {
    const stranger = new TestAgent('stranger', rig.service.url);
    expect(await refused(await stranger.headers())).toMatchObject({ status: 401, code: 'NOT_ENROLLED' });
    rig.service.control.identities.get(agent.identity.publicKey)!.revokedAt = new Date().toISOString();
    expect(await refused(await agent.headers())).toMatchObject({ status: 401, code: 'NOT_ENROLLED' });
    const metrics = await (await fetch(`${rig.service.url}/metrics`)).text();
    expect(metrics).toMatch('bpfleet_filter_manager_refused_calls_total{code="NOT_ENROLLED"} 2');
  });
});
