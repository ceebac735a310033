import type pg from 'pg';
import { analyticsMigrations, migrate } from '../migrate.js';
import { ensurePartitions } from '../partitions.js';
import { createPool } from '../pool.js';

/** The tables of analytics, empty, with the partitions of this hour and the next two: a template for tests. */
export const analyticsDatabase = {
  name: 'store-analytics',
  async prepare(connection: string | pg.ClientConfig): Promise<void> {
    await migrate({ connection, schema: 'analytics', directory: analyticsMigrations });
    const pool = createPool({ connection, name: 'template', onError: () => {} });
    await ensurePartitions(pool);
    await pool.end();
  },
};
