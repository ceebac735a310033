import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { controlApi } from '@bpfleet/contract';
import { EmbeddedPostgres } from '@bpfleet/store/embedded';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { controlTemplate } from './testing/control-template.js';
import { type Connection, type Replica, startReplica } from './testing/replica.js';
import { TestAgent } from './testing/test-agent.js';

// A Postgres of this file's own: it is stopped and started again.
suiteRequires('filter-manager while Postgres is away', { postgres: await postgres() }, () => {
  let folder: string;
  let server: EmbeddedPostgres;
  let connection: Connection;
  let replica: Replica;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'bpfleet-control-'));
    server = new EmbeddedPostgres({ dataDir: join(folder, 'data') });
    connection = (await server.start()).connectionConfig;
    await controlTemplate.prepare(connection);
    replica = await startReplica(connection);
  });
  afterAll(async () => {
    await replica?.stop();
    await server.stop();
    await rm(folder, { recursive: true });
  });
  const isReady = () => expect.poll(async () => (await replica.ready()).status, { timeout: 20_000 }).toBe(200);
  const filterNames = async () =>
    (await replica.client.call(controlApi.listFilters, { query: {} })).items.map(({ name }) => name);

  it('says 503 and when to try again, keeps agents waiting, and comes back by itself', async () => {
    const body = { name: 'https', expression: 'tcp port 443' };
    await replica.client.call(controlApi.createFilter, { body });
    const agent = await new TestAgent('web-1', replica.url).register();
    const answer = agent.desired(1, '99s');
    await expect.poll(() => replica.metric('bpfleet_filter_manager_waiting_agents')).toBe(1);

    await server.stop();
    const response = await fetch(`${replica.url}/api/v1/filters`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await response.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const another = { name: 'dns', expression: 'udp port 53' };
    await expect(replica.client.call(controlApi.createFilter, { body: another })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    expect(await replica.ready()).toMatchObject({ status: 503, checks: { settings: 'ok' } });
    expect((await fetch(`${replica.url}/healthz/live`)).status).toBe(200);

    await server.start();
    await isReady();
    expect(await filterNames()).toEqual(['https']);
    await replica.client.call(controlApi.createAssignment, { body: { filter: 'https' } });
    const state = await answer;
    expect(state).toMatchObject({ generation: 2 });
    expect(await agent.runs(state)).toEqual(['https@1']);
  });

  it('starts without Postgres, and is ready when it is there', async () => {
    await replica.stop();
    await server.stop();
    replica = await startReplica(connection);
    expect(await replica.ready()).toMatchObject({ status: 503, checks: { settings: expect.any(String) } });
    await server.start();
    await isReady();
    expect(await filterNames()).toEqual(['https']);
  });
});
