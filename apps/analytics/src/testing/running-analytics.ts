import type { Bus } from '@bpfleet/bus';
import { ApiClient } from '@bpfleet/contract';
import { createLogger, Registry } from '@bpfleet/service';
import { listen } from '@bpfleet/service/nest';
import { analyticsMigrations, createPool, migrate } from '@bpfleet/store';
import type pg from 'pg';
import { type Analytics, createAnalytics } from '../analytics.js';
import { AnalyticsConfig, QUERY_CONNECTIONS } from '../config.js';

type Connection = string | pg.ClientConfig;

/** A database as `main.js migrate` leaves it: for tests, to begin with. */
export const migratedDatabase = {
  name: 'analytics',
  prepare: async (connection: Connection): Promise<void> => {
    await migrate({ connection, schema: 'analytics', directory: analyticsMigrations });
  },
};

/** Analytics as its process runs it, on any free port. Sections need no signature unless it is told otherwise. */
export class RunningAnalytics {
  readonly metrics = new Registry();
  readonly pool: pg.Pool;
  readonly queryPool: pg.Pool;
  url = '';
  #analytics: Analytics | undefined;

  constructor(
    connection: Connection,
    private readonly bus: Bus,
    private readonly config: Partial<AnalyticsConfig> = {},
  ) {
    this.pool = createPool({ connection, name: 'test', onError: () => {} });
    this.queryPool = createPool({
      connection,
      ...{ name: 'test-queries', maxConnections: QUERY_CONNECTIONS, onError: () => {} },
    });
  }

  async start(): Promise<this> {
    const logger = createLogger({ name: 'test', level: process.env.BPFLEET_TEST_LOG ?? 'silent' });
    const { pool, queryPool, bus, metrics } = this;
    const analytics = await createAnalytics(AnalyticsConfig.parse({ requireSignatures: false, ...this.config }), {
      pool,
      queryPool,
      bus,
      logger,
      metrics,
    });
    this.#analytics = analytics;
    await analytics.start();
    this.url = (await listen(analytics.app, { host: '127.0.0.1', port: 0, logger })).url;
    return this;
  }

  async stop(): Promise<void> {
    await this.#analytics?.stop();
    for (const pool of [this.pool, this.queryPool]) if (!pool.ended) await pool.end();
  }

  get client(): ApiClient {
    return new ApiClient({ server: this.url });
  }

  /** Value of a counter or gauge, all its series together. */
  async metric(name: string): Promise<number> {
    const { values } = await this.metrics.getSingleMetric(name)!.get();
    return values.reduce((sum, { value }) => sum + value, 0);
  }
}
