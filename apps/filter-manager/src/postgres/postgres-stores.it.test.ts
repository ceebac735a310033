import { createLogger, createMetrics } from '@bpfleet/service';
import { createPool } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { PostgresAgentStore } from '../agents/postgres-agent-store.js';
import { PostgresAssignmentStore } from '../assignments/postgres-assignment-store.js';
import { PostgresFilterStore } from '../filters/postgres-filter-store.js';
import { PostgresIdentityStore } from '../identities/postgres-identity-store.js';
import { ChangeFeed } from '../long-poll/change-feed.js';
import { FilterManagerMetrics } from '../metrics.js';
import { PostgresRegistryStore } from '../registry/postgres-registry-store.js';
import { PostgresSigningKeyStore } from '../signing/postgres-signing-key-store.js';
import { describeControlStores } from '../testing/control-stores/control-store-contract.js';
import type { StoresUnderTest } from '../testing/control-stores/stores-under-test.js';
import { controlTemplate } from '../testing/control-template.js';
import { statusOf, versionOf } from '../testing/examples.js';
import { ChangeListener } from './change-listener.js';
import { ControlDatabase } from './control-database.js';

/** Writes down who is woken, whether anybody waits or not. */
class RecordingFeed extends ChangeFeed {
  readonly woken: string[] = [];
  override changed(agents: Iterable<string>): void {
    this.woken.push(...agents);
    super.changed(this.woken);
  }
}

suiteRequires('Postgres', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let pool: ReturnType<typeof createPool>;
  let metrics: FilterManagerMetrics;
  let listener: ChangeListener;
  const feed = new RecordingFeed();
  beforeAll(async () => {
    database = await createDatabase(server.connection, controlTemplate);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => undefined });
    metrics = new FilterManagerMetrics(createMetrics(), () => 0);
    // Of the registry only Postgres tells, as it does to other replicas.
    listener = new ChangeListener(pool, feed, metrics, createLogger({ name: 'test', level: 'silent' }));
    listener.start();
    await vi.waitFor(async () => expect(await isListening()).toBe(true));
  });
  const isListening = async () =>
    (await pool.query(`SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`))
      .rowCount! > 0;
  afterAll(async () => {
    await listener.stop();
    await pool.end();
    await database.drop();
  });
  const open = async (): Promise<StoresUnderTest> => {
    await pool.query(`TRUNCATE control.filter, control.version, control.assignment, control.agent, control.identity,
      control.used_token, control.signing_key`);
    feed.woken.length = 0;
    const control = new ControlDatabase(pool, feed, metrics);
    return {
      filters: new PostgresFilterStore(control),
      assignments: new PostgresAssignmentStore(control),
      agents: new PostgresAgentStore(control),
      identities: new PostgresIdentityStore(control),
      registry: new PostgresRegistryStore(control),
      signingKeys: new PostgresSigningKeyStore(control),
      revoke: async (publicKey) => {
        await pool.query('UPDATE control.identity SET revoked_at = now() WHERE public_key = $1', [publicKey]);
      },
      changed: feed.woken,
      close: async () => undefined,
    };
  };

  describeControlStores('the stores in Postgres', open);

  describe('texts that Postgres cannot hold', () => {
    let stores: StoresUnderTest;
    beforeEach(async () => {
      stores = await open();
    });
    afterEach(() => stores.close());

    it.each([
      ['a NUL character', 'a\0b'],
      ['half of a surrogate pair', 'a\ud800b'],
    ])('are the fault of the request: %s', async (_, text) => {
      const status = statusOf('a', { errors: [{ code: 'x', message: text, at: '2026-11-22T10:00:00Z' }] });
      await expect(stores.agents.recordStatus(status)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    });
    it('leave nothing behind', async () => {
      const made = stores.filters.create('web', 'a\0b', versionOf('web', 'port 80'));
      await expect(made).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      expect(await stores.filters.list(undefined, 9)).toEqual([]);
    });
  });
});
