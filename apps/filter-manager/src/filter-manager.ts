import { linkerVersions } from '@bpfleet/pcap-filter';
import { type Logger, PrivateKey, type Registry } from '@bpfleet/service';
import type { NestApp } from '@bpfleet/service/nest';
import type pg from 'pg';
import { PostgresAgentStore } from './agents/postgres-agent-store.js';
import { createApp } from './app.js';
import { PostgresAssignmentStore } from './assignments/postgres-assignment-store.js';
import { PcapFilterCompiler } from './compile/pcap-filter-compiler.js';
import type { FilterManagerConfig } from './config.js';
import type { FleetSettings } from './desired/desired-content.js';
import { Prolonger } from './desired/prolonger.js';
import { lookIntervalMs, runUntil } from './desired/run-until.js';
import { completeVersions } from './filters/complete-versions.js';
import { PostgresFilterStore } from './filters/postgres-filter-store.js';
import { PostgresIdentityStore } from './identities/postgres-identity-store.js';
import { ChangeFeed } from './long-poll/change-feed.js';
import { LongPolls } from './long-poll/long-polls.js';
import { FilterManagerMetrics } from './metrics.js';
import { ChangeListener } from './postgres/change-listener.js';
import { ControlDatabase } from './postgres/control-database.js';
import { PostgresRegistryStore } from './registry/postgres-registry-store.js';
import { SettingsApplier } from './settings-applier.js';
import { PostgresSigningKeyStore } from './signing/postgres-signing-key-store.js';
import { SigningKeys } from './signing/signing-keys.js';

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
  const filters = new PostgresFilterStore(database);
  const compiler = new PcapFilterCompiler();
  const configured = config.signingKey === undefined ? undefined : PrivateKey.fromPem(config.signingKey);
  const signingKeys = new SigningKeys(configured, new PostgresSigningKeyStore(database));
  const settings = new SettingsApplier(async () => {
    await signingKeys.load();
    await completeVersions(filters, compiler, logger);
    await agents.applySettings(settingsOf(config, signingKeys.publicKeys));
  }, logger);
  const prolonger = new Prolonger(
    () => runUntil(config.runHours, Date.now()),
    () => agents.applySettings(settingsOf(config, signingKeys.publicKeys)),
    logger,
    lookIntervalMs(config.runHours),
  );
  const listener = new ChangeListener(pool, feed, metrics, logger);
  const app = await createApp(
    {
      filters,
      assignments: new PostgresAssignmentStore(database),
      agents,
      identities: new PostgresIdentityStore(database),
      registry: new PostgresRegistryStore(database),
      signingKeys,
      enrolmentToken: config.enrolmentToken,
      feed,
      compiler,
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
    await app.get(LongPolls).stop();
    await prolonger.stop();
    await settings.stop();
    await listener.stop();
    await app.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    app,
    async start() {
      await settings.start();
      prolonger.start();
      listener.start();
      await app.init();
    },
    stop() {
      stopped ??= stop();
      return stopped;
    },
  };
}

const settingsOf = (config: FilterManagerConfig, keys: readonly string[]): FleetSettings => ({
  settings: { flushWindowMs: config.flushWindowMs, reportIntervalMs: config.reportIntervalMs, budgets: {} },
  excluded: config.excludedEndpoints,
  linkerVersion: Math.max(...linkerVersions),
  keys,
  // Key management comes later; agents honour what stands here.
  revokedKeys: [],
  ...endOf(runUntil(config.runHours, Date.now())),
});

const endOf = (notAfter: string | undefined) => (notAfter === undefined ? {} : { notAfter });
