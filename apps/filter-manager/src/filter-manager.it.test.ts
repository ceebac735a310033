import { agentApi, controlApi, PlainDesiredState } from '@bpfleet/contract';
import { createPool } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlTemplate } from './testing/control-template.js';
import { statusOf } from './testing/examples.js';
import { type Replica, startReplica } from './testing/replica.js';

suiteRequires('filter-manager', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let replicas: Replica[];
  beforeEach(async () => {
    database = await createDatabase(server.connection, controlTemplate);
    replicas = [];
  });
  afterEach(async () => {
    for (const replica of replicas) await replica.stop();
    await database.drop();
  });
  async function start(config?: Parameters<typeof startReplica>[1]): Promise<Replica> {
    const replica = await startReplica(database.connection, config);
    replicas.push(replica);
    return replica;
  }

  const create = ({ client }: Replica, name: string, expression: string) =>
    client.call(controlApi.createFilter, { body: { name, expression } });
  const assign = ({ client }: Replica, filter: string, selector = '') =>
    client.call(controlApi.createAssignment, { body: { filter, selector } });
  const register = ({ client }: Replica, agent: string, labels = {}) =>
    client.call(agentApi.postStatus, { body: statusOf(agent, { labels }) });
  /** What the agent should run; undefined for 304. */
  async function desired({ client }: Replica, agent: string, known?: number): Promise<PlainDesiredState | undefined> {
    const response = await client.send(agentApi.getDesired, {
      query: { agent, wait: '60s' },
      ...(known === undefined ? {} : { headers: { 'if-none-match': `"${known}"` } }),
    });
    return response.status === 304 ? undefined : PlainDesiredState.parse(await response.json());
  }
  const waiting = (replica: Replica, count: number) =>
    expect.poll(() => replica.metric('bpfleet_filter_manager_waiting_agents')).toBe(count);

  describe('one replica', () => {
    it('compiles a filter and hands it to the agents that are selected', async () => {
      const replica = await start();
      await register(replica, 'web-1', { role: 'web' });
      await register(replica, 'db-1', { role: 'db' });
      const { latest } = await create(replica, 'https', 'tcp port 443');
      await assign(replica, 'https', 'role=web');
      const state = await desired(replica, 'web-1');
      expect(state).toMatchObject({ generation: 2, filters: [{ filter: 'https', version: 1, digest: latest.digest }] });
      expect(state?.filters[0]?.programs).toEqual(latest.programs);
      expect(await desired(replica, 'db-1')).toMatchObject({ generation: 1, filters: [] });
    });
    it('refuses an expression with the place of the fault', async () => {
      const replica = await start();
      await expect(create(replica, 'https', 'tcp port and')).rejects.toMatchObject({
        code: 'FILTER_SYNTAX',
        span: { start: expect.any(Number), end: expect.any(Number) },
      });
    });
    it('gives a waiting agent its new state while the call is held', async () => {
      const replica = await start();
      await register(replica, 'web-1');
      await create(replica, 'https', 'tcp port 443');
      const answer = desired(replica, 'web-1', 1);
      await waiting(replica, 1);
      await assign(replica, 'https');
      expect(await answer).toMatchObject({ generation: 2, filters: [{ filter: 'https' }] });
    });
    it('tells every agent of other settings after a restart, and of nothing after a plain one', async () => {
      const replica = await start();
      await register(replica, 'web-1');
      await replica.stop();
      const excludedEndpoints = [{ host: 'kafka', port: 9092 }];
      const other = await start({ excludedEndpoints, flushWindowMs: 50 });
      const told = { generation: 2, excluded: excludedEndpoints, settings: { flushWindowMs: 50 } };
      expect(await desired(other, 'web-1')).toMatchObject(told);
      await other.stop();
      expect(await desired(await start({ excludedEndpoints, flushWindowMs: 50 }), 'web-1')).toMatchObject(told);
    });
    it('is ready, and on a database without its tables says what to do', async () => {
      expect(await (await start()).ready()).toEqual({ status: 200, checks: { postgres: 'ok', settings: 'ok' } });
      const empty = await createDatabase(server.connection);
      const replica = await startReplica(empty.connection);
      const list = replica.client.call(controlApi.listFilters, { query: {} });
      await expect(list).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', hint: expect.stringContaining('migrate') });
      expect(await replica.ready()).toMatchObject({ status: 503 });
      await controlTemplate.prepare(empty.connection);
      await expect.poll(async () => (await replica.ready()).status, { timeout: 10_000 }).toBe(200);
      await replica.stop();
      await empty.drop();
    });
  });

  describe('two replicas', () => {
    it('wake the agents that wait at the other one', async () => {
      const [here, there] = [await start(), await start()];
      await register(here, 'web-1');
      await create(here, 'https', 'tcp port 443');
      const answer = desired(there, 'web-1', 1);
      await waiting(there, 1);
      await assign(here, 'https');
      expect(await answer).toMatchObject({ generation: 2, filters: [{ filter: 'https' }] });
    });
    it('answer the same', async () => {
      const [here, there] = [await start(), await start()];
      await register(here, 'web-1');
      await create(there, 'https', 'tcp port 443');
      await assign(here, 'https');
      const { issuedAt: _here, ...one } = (await desired(here, 'web-1'))!;
      const { issuedAt: _there, ...other } = (await desired(there, 'web-1'))!;
      expect(one).toEqual(other);
    });
    it('hear of what changed while the connection that listens was lost', async () => {
      const [here, there] = [await start(), await start()];
      await register(here, 'web-1');
      await create(here, 'https', 'tcp port 443');
      const answer = desired(there, 'web-1', 1);
      await waiting(there, 1);
      const pool = createPool({ connection: database.connection, name: 'test', onError: () => undefined });
      await pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LISTEN%'`,
      );
      await pool.end();
      await assign(here, 'https');
      expect(await answer).toMatchObject({ generation: 2 });
      expect(await there.metric('bpfleet_filter_manager_listen_failures_total')).toBeGreaterThan(0);
    });
    it('give each change its own generation, whoever makes it', async () => {
      const both = [await start(), await start()];
      await register(both[0]!, 'web-1');
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      await Promise.all(
        names.map(async (name, index) => {
          await create(both[index % 2]!, name, 'tcp port 443');
          await assign(both[(index + 1) % 2]!, name);
        }),
      );
      const state = await desired(both[1]!, 'web-1');
      expect(state).toMatchObject({ generation: 1 + names.length });
      expect(state?.filters.map(({ filter }) => filter)).toEqual(names);
    });
  });
});
