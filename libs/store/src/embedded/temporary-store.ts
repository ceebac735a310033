import type pg from 'pg';
import { analyticsMigrations, migrate } from '../migrate.js';
import { ensurePartitions } from '../partitions.js';
import { createPool } from '../pool.js';
import { startTemporaryPostgres, type TemporaryPostgres } from './temporary-postgres.js';

export interface TemporaryStore extends TemporaryPostgres {
  readonly pool: pg.Pool;
}

/** An empty store for a test or a measurement: its tables made, its partitions ready. */
export async function startTemporaryStore(settings: Readonly<Record<string, string>> = {}): Promise<TemporaryStore> {
  const postgres = await startTemporaryPostgres({ settings });
  const { connectionConfig } = postgres;
  const pool = createPool({ connection: connectionConfig, name: 'bpfleet-temporary', onError: () => {} });
  try {
    await migrate({ connection: connectionConfig, schema: 'analytics', directory: analyticsMigrations });
    await ensurePartitions(pool);
  } catch (error) {
    await pool.end();
    await postgres.stop();
    throw error;
  }
  return {
    connectionConfig,
    pool,
    async stop() {
      await pool.end();
      await postgres.stop();
    },
  };
}
