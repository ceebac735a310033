import { hostname } from 'node:os';
import type { Bus } from '@bpfleet/bus';
import { ApiClient, packetsTopic } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Lifecycle, type Logger, type Registry } from '@bpfleet/service';
import { createNestApp, type NestApp } from '@bpfleet/service/nest';
import {
  ConflictStore,
  ensurePartitions,
  FlowRollUp,
  FlowStore,
  ImportStore,
  IngestStore,
  KeptRegistry,
  LedgerStore,
  noteLogEnd,
  QuarantineStore,
  RetentionStore,
  SectionStore,
  StatusStore,
  storeError,
  TailStore,
} from '@bpfleet/store';
import type pg from 'pg';
import { analyticsModule } from './analytics.module.js';
import { openApiInfo } from './api-info.js';
import { systemClock } from './clock.js';
import type { AnalyticsConfig } from './config.js';
import { firstQuestions } from './first-questions.js';
import { FlowsService } from './flows/flows.service.js';
import { RollUpKeeper } from './flows/roll-up-keeper.js';
import { KEEP_PARTITIONS_EVERY_MS, ROLL_UP_EVERY_MS, UNKNOWN_AGENTS } from './ingest/config.js';
import { Ingest } from './ingest/ingest.js';
import { ingestMetrics } from './ingest/metrics.js';
import { PartitionKeeper } from './ingest/partition-keeper.js';
import { SignatureJudge } from './ingest/signature-judge.js';
import { PacketsService } from './packets/packets.service.js';
import { BusPublisher } from './quarantine/publisher.js';
import { RegistryKeeper } from './registry/registry-keeper.js';
import { HttpRegistrySource } from './registry/registry-source.js';
import { retentionPolicy } from './retention/config.js';
import { retentionMetrics, retentionRound } from './retention/retention.js';
import { storeStatus } from './retention/store-status.js';
import { tailMetrics } from './tail/metrics.js';

/** What analytics is given; it closes none of it. */
export interface AnalyticsParts {
  /** A database whose schema `analytics` is migrated: for ingest and upkeep. */
  readonly pool: pg.Pool;
  /** The same database, for what is asked of it: of `QUERY_CONNECTIONS`. Whatever is asked, ingest has its own. */
  readonly queryPool: pg.Pool;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly metrics: Registry;
  /** Where the OpenAPI document and its page are; in one process each service has its own place. */
  readonly openApiPath?: string;
  readonly docsPath?: string;
}

export interface Analytics {
  /** Not listening: `listen` opens its port, or another server calls it. */
  readonly app: NestApp;
  /** Begins to ingest. */
  start(): Promise<void>;
  /** Ends answers and ingest; waits for the transaction under way. */
  stop(): Promise<void>;
}

/**
 * Consumers with this group share the topic's partitions. The prefix goes before it, too: kafkajs gives the members of a group
 * the topics of its leader, whatever they subscribed to.
 */
const GROUP = 'bpfleet-analytics';

/** Ingest and queries as one service over what it is given. Starts nothing yet. */
export async function createAnalytics(config: AnalyticsConfig, parts: AnalyticsParts): Promise<Analytics> {
  const { pool, queryPool, bus, logger, metrics } = parts;
  const topic = packetsTopic(config.topicPrefix);
  const source = new HttpRegistrySource(new ApiClient({ server: config.server }));
  const registry = new RegistryKeeper(source, new KeptRegistry(pool), logger);
  const { requireSignatures } = config;
  const uptimeMs = () => performance.now();
  const signatures = new SignatureJudge(registry, { requireSignatures, ...UNKNOWN_AGENTS, uptimeMs });
  const owner = `${hostname()}/${process.pid}`;
  const { nowMs } = systemClock;
  const ingestParts = { store: new IngestStore(pool), metrics: ingestMetrics(metrics), logger, nowMs };
  const ingest = new Ingest(
    { topic, group: `${config.topicPrefix}${GROUP}`, partitions: config.partitions, owner },
    bus,
    { ...ingestParts, signatures },
    ({ logId, partition }, end) => noteLogEnd(pool, logId, partition, end),
  );
  const policy = retentionPolicy(config);
  const retention = new RetentionStore(pool);
  const keptMetrics = retentionMetrics(metrics);
  const status = new StatusStore(queryPool);
  const rollUp = new RollUpKeeper(new FlowRollUp(pool), ROLL_UP_EVERY_MS, logger);
  const keeper = new PartitionKeeper(
    () => ensureStore(pool, logger),
    () => retentionRound(retention, policy, keptMetrics, logger),
    KEEP_PARTITIONS_EVERY_MS,
    logger,
  );
  const publisher = new BusPublisher(bus, topic);
  const app = await createNestApp(
    analyticsModule({
      sections: new SectionStore(queryPool),
      conflicts: new ConflictStore(queryPool),
      flows: new FlowStore(queryPool),
      ledger: new LedgerStore(queryPool),
      storeStatus: { status: async () => storeStatus(await status.read(), policy) },
      tails: { source: new TailStore(queryPool), metrics: tailMetrics(metrics), logger },
      quarantine: new QuarantineStore(queryPool),
      publisher,
      imports: { ingest: ingestParts, store: new ImportStore(pool), owner },
      versions: registry,
      clock: systemClock,
    }),
    {
      name: 'analytics',
      info: openApiInfo,
      logger,
      metrics,
      readiness: [{ name: 'postgres', check: () => pool.query('SELECT 1') }],
      ...(parts.openApiPath === undefined ? {} : { openApiPath: parts.openApiPath }),
      ...(parts.docsPath === undefined ? {} : { docsPath: parts.docsPath }),
    },
  );
  const lifecycle = new Lifecycle()
    .add({ name: 'publisher', stop: () => publisher.stop() })
    .add({ name: 'http', start: () => app.init(), stop: () => app.close() })
    .add({ name: 'store partitions', start: () => keeper.start(), stop: () => keeper.stop() })
    .add({ name: 'flow roll-up', start: () => rollUp.start(), stop: () => rollUp.stop() })
    .add({ name: 'registry', start: () => registry.start(), stop: () => registry.stop() })
    .add({ name: 'ingest', start: () => ingest.start(), stop: () => ingest.stop() })
    .add({
      name: 'first questions',
      start: () => firstQuestions(app.get(PacketsService), app.get(FlowsService), logger),
    });
  return { app, start: () => lifecycle.start(), stop: () => lifecycle.stop() };
}

/** PostgreSQL: undefined_table, invalid_schema_name. */
const MISSING_SCHEMA_STATES = ['42P01', '3F000'];

async function ensureStore(pool: pg.Pool, logger: Logger): Promise<void> {
  try {
    await ensurePartitions(pool);
  } catch (thrown) {
    const error = storeError(thrown);
    if (MISSING_SCHEMA_STATES.includes((error as { code?: string }).code ?? '')) {
      throw new BpfleetError('CONFIG_INVALID', 'the database has no schema of analytics', {
        cause: thrown,
        hint: 'run the service once with the argument `migrate`',
      });
    }
    // A Postgres that is away comes back: ingest waits for it, and queries answer 503 until then.
    if (!(error instanceof BpfleetError)) throw error;
    logger.warn({ err: error }, 'postgres is away, trying again');
  }
}
