import { controlApi, internalApi } from '@bpfleet/contract';
import { PrivateKey } from '@bpfleet/service';
import { createPool } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { controlTemplate } from './testing/control-template.js';
import { type Replica, startReplica } from './testing/replica.js';
import { TestAgent } from './testing/test-agent.js';

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
  const register = ({ url }: Replica, agent: string, labels = {}) => new TestAgent(agent, url).register(labels);
  const waiting = (replica: Replica, count: number) =>
    expect.poll(() => replica.metric('bpfleet_filter_manager_waiting_agents')).toBe(count);

  describe('one replica', () => {
    it('compiles a filter and hands it to the agents that are selected', async () => {
      const replica = await start();
      const web = await register(replica, 'web-1', { role: 'web' });
      const db = await register(replica, 'db-1', { role: 'db' });
      const { latest } = await create(replica, 'https', 'tcp port 443');
      await assign(replica, 'https', 'role=web');
      const state = (await web.desired())!;
      expect(state).toMatchObject({ generation: 2, entries: [{ digest: latest.digest, interfaces: ['*'] }] });
      const [bundle] = await web.bundles(state);
      expect(bundle).toMatchObject({ filter: 'https', version: 1, expression: 'tcp port 443' });
      expect(bundle!.programs.map(({ selfTest: _, ...program }) => program)).toEqual(latest.programs);
      expect(await db.desired()).toMatchObject({ generation: 1, entries: [] });
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
      const agent = await register(replica, 'web-1');
      await create(replica, 'https', 'tcp port 443');
      const answer = agent.desired(1, '60s');
      await waiting(replica, 1);
      await assign(replica, 'https');
      expect(await agent.runs(await answer)).toEqual(['https@1']);
    });
    it('signs what it is asked with into each state, also one that the agent has', async () => {
      const replica = await start();
      const agent = await register(replica, 'web-1');
      expect(await agent.desired()).not.toHaveProperty('nonce');
      agent.challenge = 'n-1';
      const first = (await agent.desired())!;
      agent.challenge = 'n-2';
      const again = (await agent.desired())!;
      expect([first.nonce, again.nonce, again.generation]).toEqual(['n-1', 'n-2', first.generation]);
    });
    it('tells every agent of other settings after a restart, and of nothing after a plain one', async () => {
      const replica = await start();
      const agent = await register(replica, 'web-1');
      await replica.stop();
      const excludedEndpoints = [{ host: 'kafka', port: 9092 }];
      const other = await start({ excludedEndpoints, flushWindowMs: 50 });
      const told = { generation: 2, excluded: excludedEndpoints, settings: { flushWindowMs: 50 } };
      expect(await agent.at(other.url).desired()).toMatchObject(told);
      await other.stop();
      const plain = await start({ excludedEndpoints, flushWindowMs: 50 });
      expect(await agent.at(plain.url).desired()).toMatchObject(told);
    });
    it('says until when agents run what they are told, and prolongs it by itself', async () => {
      const runHours = 0.001;
      const replica = await start({ runHours });
      const agent = await register(replica, 'web-1');
      await create(replica, 'https', 'tcp port 443');
      await assign(replica, 'https');
      const first = (await agent.desired())!;
      const next = (await agent.desired(first.generation, '60s'))!;
      const endMs = ({ entries }: typeof first) => Date.parse(entries[0]!.notAfter!);
      expect(next.generation).toBeGreaterThan(first.generation);
      expect(endMs(next)).toBeGreaterThan(endMs(first));
      expect(endMs(next) - Date.parse(next.issuedAt)).toBeGreaterThan(0.7 * runHours * 3_600_000);
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

  describe('keys', () => {
    const pemOf = (key: PrivateKey) => ({ signingKey: key.toPem() });

    it('are the configured one, and none is made then', async () => {
      const key = PrivateKey.generate();
      const replica = await start(pemOf(key));
      const agent = await register(replica, 'web-1');
      expect(agent.trust.keys).toEqual([key.publicKey]);
      expect((await agent.desired())!.keys).toEqual([key.publicKey]);
      const pool = createPool({ connection: database.connection, name: 'test', onError: () => undefined });
      expect((await pool.query('SELECT FROM control.signing_key')).rowCount).toBe(0);
      await pool.end();
    });
    it('go over from the one in the database to a configured one with the agents that there are', async () => {
      const before = await start();
      const agent = await register(before, 'web-1');
      await create(before, 'https', 'tcp port 443');
      await assign(before, 'https');
      const [old] = agent.trust.keys;
      await before.stop();
      const key = PrivateKey.generate();
      const after = agent.at((await start(pemOf(key))).url);
      const state = (await after.desired(2, '60s'))!;
      expect(state).toMatchObject({ generation: 3, keys: [key.publicKey, old] });
      expect(await after.runs(state)).toEqual(['https@1']);
      after.trust = { keys: [key.publicKey], revokedKeys: [] };
      expect(await after.runs()).toEqual(['https@1']);
    });
    it('are refused when they are none, without a word of them', async () => {
      await expect(start({ signingKey: 'not a key' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    });
    it('of agents are known to every replica, and one for each agent', async () => {
      const [here, there] = [await start(), await start()];
      await register(here, 'web-1');
      await expect(new TestAgent('web-1', there.url).enrol()).rejects.toMatchObject({ code: 'IDENTITY_CONFLICT' });
    });
  });

  describe('a database of an older release', () => {
    it('gets a bundle for each version, under the number it had', async () => {
      const replica = await start();
      const { latest } = await create(replica, 'https', 'tcp port 443');
      const agent = await register(replica, 'web-1');
      await assign(replica, 'https');
      await replica.stop();
      const pool = createPool({ connection: database.connection, name: 'test', onError: () => undefined });
      await pool.query(
        `UPDATE control.version SET bundle = NULL, digest = 'sha256:' || repeat('0', 64), programs = '[]'`,
      );
      await pool.query(`INSERT INTO control.version (filter, version, expression, interfaces, snaplen_bytes, programs, digest)
        VALUES ('https', 2, 'no such ((', '{*}', 128, '[]', 'sha256:' || repeat('1', 64))`);
      await pool.end();
      const newer = await start();
      const filter = await newer.client.call(controlApi.getFilter, { path: { name: 'https' } });
      expect(filter.latest).toEqual(latest);
      expect(await agent.at(newer.url).runs()).toEqual(['https@1']);
    });
  });

  describe('two replicas', () => {
    it('wake the agents that wait at the other one', async () => {
      const [here, there] = [await start(), await start()];
      const agent = await register(here, 'web-1');
      await create(here, 'https', 'tcp port 443');
      const answer = agent.at(there.url).desired(1, '60s');
      await waiting(there, 1);
      await assign(here, 'https');
      expect(await agent.runs(await answer)).toEqual(['https@1']);
    });
    it('answer the same', async () => {
      const [here, there] = [await start(), await start()];
      const agent = await register(here, 'web-1');
      await create(there, 'https', 'tcp port 443');
      await assign(here, 'https');
      const { issuedAt: _here, ...one } = (await agent.desired())!;
      const { issuedAt: _there, ...other } = (await agent.at(there.url).desired())!;
      expect(one).toEqual(other);
    });
    it('sign with one key, that the database keeps', async () => {
      const [here, there] = await Promise.all([start(), start()]);
      const { keys } = await new TestAgent('a', here.url).enrol();
      expect((await new TestAgent('b', there.url).enrol()).keys).toEqual(keys);
      await here.stop();
      expect((await new TestAgent('c', (await start()).url).enrol()).keys).toEqual(keys);
    });
    it('take each token once, whichever is asked', async () => {
      const [here, there] = [await start(), await start()];
      const agent = await register(here, 'web-1');
      const headers = await agent.headers();
      const ask = ({ url }: Replica) => fetch(`${url}/api/agent/v1/desired`, { headers });
      expect([(await ask(here)).status, (await ask(there)).status]).toEqual([200, 401]);
    });
    it('tell each other’s callers of another registry', async () => {
      const [here, there] = [await start(), await start()];
      const { revision } = await there.client.call(internalApi.getRegistry, { query: {} });
      const answer = there.client.call(internalApi.getRegistry, {
        query: { wait: '30s' },
        headers: { 'if-none-match': `"${revision}"` },
      });
      await waiting(there, 1);
      await new TestAgent('a', here.url).enrol();
      expect(await answer).toMatchObject({ agents: [{ id: 'a' }] });
    });
    it('hear of what changed while the connection that listens was lost', async () => {
      const [here, there] = [await start(), await start()];
      const agent = await register(here, 'web-1');
      await create(here, 'https', 'tcp port 443');
      const answer = agent.at(there.url).desired(1, '60s');
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
      const agent = await register(both[0]!, 'web-1');
      const names = ['a', 'b', 'c', 'd', 'e', 'f'];
      await Promise.all(
        names.map(async (name, index) => {
          await create(both[index % 2]!, name, 'tcp port 443');
          await assign(both[(index + 1) % 2]!, name);
        }),
      );
      const state = (await agent.at(both[1]!.url).desired())!;
      expect(state).toMatchObject({ generation: 1 + names.length });
      expect(await agent.runs(state)).toEqual(names.map((name) => `${name}@1`));
    });
  });
});
