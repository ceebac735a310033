import type { Logger, Registry } from '@bpfleet/service';
import type { NestApp } from '@bpfleet/service/nest';
import type pg from 'pg';
import { PostgresAgentStore } from './agents/postgres-agent-store.js';
import { createApp } from './app.js';
import { PostgresAssignmentStore } from './assignments/postgres-assignment-store.js';
import { PcapFilterCompiler } from './compile/pcap-filter-compiler.js';
import type { FilterManagerConfig } from './config.js';
import { ChangeFeed } from './desired/change-feed.js';
import { DesiredService } from './desired/desired.service.js';
import type { FleetSettings } from './desired/desired-content.js';
import { PostgresFilterStore } from './filters/postgres-filter-store.js';
import { FilterManagerMetrics } from './metrics.js';
import { ChangeListener } from './postgres/change-listener.js';
import { ControlDatabase } from './postgres/control-database.js';
import { SettingsApplier } from './settings-applier.js';

export interface FilterManagerParts {
  /** Lent: whoever made it ends it, after `stop`. One of its connections is kept for listening. */
  readonly pool: pg.Pool;
  readonly logger: Logger;
  readonly metrics: Registry;
  /** Where the OpenAPI document and its page are; default `/openapi.json` and `/docs`. */
  readonly openApiPath?: string;
  readonly docsPath?: string;
}

export interface FilterManager {
  /** Not listening: `listen` of `@bpfleet/service/nest` opens a port, or another server passes requests on. */
  readonly app: NestApp;
  /** Resolves when requests can be answered, with 503 as long as the database is away. */
  start(): Promise<void>;
  /** Lets waiting agents go, then closes the app. */
  stop(): Promise<void>;
}

/** Builds a filter-manager on a database that has its tables. Nothing runs before `start`. */
export async function createFilterManager(
  config: FilterManagerConfig,
  { pool, logger, metrics: registry, openApiPath, docsPath }: FilterManagerParts,
): Promise<FilterManager> {
  const feed = new ChangeFeed();
  const metrics = new FilterManagerMetrics(registry, () => feed.size);
  const database = new ControlDatabase(pool, feed, metrics);
  const agents = new PostgresAgentStore(database);
  const settings = new SettingsApplier(agents, settingsOf(config), logger);
  const listener = new ChangeListener(pool, feed, metrics, logger);
  const app = await createApp(
    {
      filters: new PostgresFilterStore(database),
      assignments: new PostgresAssignmentStore(database),
      agents,
      feed,
      compiler: new PcapFilterCompiler(),
      metrics,
    },
    {
      logger,
      registry,
      readiness: [
        { name: 'postgres', check: () => agents.ping() },
        { name: 'settings', check: () => settings.check() },
      ],
      ...(openApiPath ? { openApiPath } : {}),
      ...(docsPath ? { docsPath } : {}),
    },
  );
  const stop = async () => {
    await app.get(DesiredService).stop();
    await settings.stop();
    await listener.stop();
    await app.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    app,
    async start() {
      await settings.start();
      listener.start();
      await app.init();
    },
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

const settingsOf = (config: FilterManagerConfig): FleetSettings => ({
  settings: { flushWindowMs: config.flushWindowMs, reportIntervalMs: config.reportIntervalMs },
  excluded: config.excludedEndpoints,
});
