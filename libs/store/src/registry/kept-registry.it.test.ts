import type { Registry } from '@bpfleet/contract';
import { createDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import { expect, it } from 'vitest';
import { createPool } from '../pool.js';
import { analyticsDatabase } from '../testing/analytics-database.js';
import { KeptRegistry } from './kept-registry.js';

suiteRequires('The registry that is kept', { postgres: await postgres() }, ({ postgres: server }) => {
  it('is the last one, also when that is of a filter-manager that began anew; none before, none of another form', async () => {
    const database = await createDatabase(server.connection, analyticsDatabase);
    const pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    const kept = new KeptRegistry(pool);
    expect(await kept.read()).toBeUndefined();
    const agents = [{ id: 'a', labels: {}, identityKeys: [{ publicKey: `${'A'.repeat(43)}=` }] }];
    const registry: Registry = { revision: 7, agents, filters: [{ name: 'web', deleted: false }], versions: [] };
    await kept.keep(registry);
    expect(await new KeptRegistry(pool).read()).toEqual(registry);
    await kept.keep({ ...registry, revision: 2, agents: [] });
    expect(await kept.read()).toMatchObject({ revision: 2, agents: [] });
    await pool.query("UPDATE analytics.registry SET document = '{}'");
    expect(await kept.read()).toBeUndefined();
    await pool.end();
    await expect(kept.read()).rejects.toThrow();
    await database.drop();
  });
});
