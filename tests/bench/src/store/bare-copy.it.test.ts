import { createPool } from '@bpfleet/store';
import { createDatabase, type TestDatabase } from '@bpfleet/test-environment';
import { postgres, suiteRequires } from '@bpfleet/test-environment/requirements';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { analyticsDatabase } from '../../../../libs/store/src/testing/analytics-database.js';
import { storePackets } from '../scan/stored-packets.js';
import { bareCopy } from './bare-copy.js';

suiteRequires('A bare COPY', { postgres: await postgres() }, ({ postgres: server }) => {
  let database: TestDatabase;
  let pool: pg.Pool;
  beforeAll(async () => {
    database = await createDatabase(server.connection, analyticsDatabase);
    pool = createPool({ connection: database.connection, name: 'test', onError: () => {} });
    await storePackets(pool, 20_000, 1);
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  it.each([1, 4])('commits on %i connections at once', async (connections) => {
    let [lent, mostLent] = [0, 0];
    const counted = {
      acquire: () => {
        mostLent = Math.max(mostLent, ++lent);
      },
      release: () => {
        lent--;
      },
    };
    pool.on('acquire', counted.acquire).on('release', counted.release);
    const packetsPerSecond = await bareCopy(pool, 300, false, connections);
    pool.off('acquire', counted.acquire).off('release', counted.release);
    expect(packetsPerSecond).toBeGreaterThan(0);
    expect([mostLent, lent]).toEqual([connections, 0]);
  });
});
