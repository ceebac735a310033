import { type Analytics, AnalyticsConfig, createAnalytics, QUERY_CONNECTIONS } from '@bpfleet/analytics';
import { InProcessBus } from '@bpfleet/bus';
import { type CaptureAgent, createAgent, inheritedOpener, type OtherOpener } from '@bpfleet/capture-agent';
import { ApiClient } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import {
  controlMigrations,
  createFilterManager,
  type FilterManager,
  FilterManagerConfig,
} from '@bpfleet/filter-manager';
import { createMetrics, Lifecycle, type Logger } from '@bpfleet/service';
import { analyticsMigrations, createPool, migrate } from '@bpfleet/store';
import { EmbeddedPostgres, type PostgresExit } from '@bpfleet/store/embedded';
import { AGENT_ID, agentConfig } from './agent-config.js';
import type { StandaloneConfig } from './config.js';
import { type DataFolder, openDataFolder } from './data-folder.js';
import { FrontServer } from './front-server.js';
import type { StandaloneOptions } from './options.js';
import { type ChosenSource, chooseSource, sourceApart } from './source.js';

/** One agent is one partition. */
const PARTITIONS = 1;
const STATUS_INTERVAL_MS = 10_000;

type Pool = ReturnType<typeof createPool>;

/** All of bpfleet in one process. What differs from a fleet: the bus, the database's home, one address for both services. */
export class Standalone {
  readonly #lifecycle = new Lifecycle();
  readonly #metrics = createMetrics();
  readonly #bus = new InProcessBus();
  readonly #front: FrontServer;
  /** The process that started this one. */
  readonly #otherOpener: OtherOpener | undefined;
  #source!: ChosenSource;
  #folder!: DataFolder;
  #postgres!: EmbeddedPostgres;
  #pool!: Pool;
  #queryPool!: Pool;
  #filterManager: FilterManager | undefined;
  #analytics: Analytics | undefined;
  #agent: CaptureAgent | undefined;
  /** Rejects when a part cannot go on. */
  readonly failed: Promise<never>;
  #fail!: (error: unknown) => void;

  constructor(
    private readonly options: StandaloneOptions,
    config: StandaloneConfig,
    private readonly logger: Logger,
    stopApart?: () => void,
  ) {
    this.#front = new FrontServer({ listen: config.listen, port: options.port });
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever runs this decides what it means; until somebody looks it is no unhandled rejection.
    this.failed.catch(() => undefined);
    if (stopApart) {
      this.#otherOpener = { port: inheritedOpener({ stop: stopApart, gone: this.#fail }), pid: process.ppid };
    }
    this.#lifecycle
      .add({ name: 'front server', start: () => this.#front.start(), stop: () => this.#front.stop() })
      .add({ name: 'postgres', start: () => this.#startPostgres(), stop: () => this.#postgres?.stop() })
      .add({ name: 'pools', stop: () => Promise.all([this.#pool?.end(), this.#queryPool?.end()]) })
      .add({
        name: 'filter-manager',
        start: () => this.#startFilterManager(),
        stop: () => this.#filterManager?.stop(),
      })
      .add({ name: 'analytics', start: () => this.#startAnalytics(), stop: () => this.#analytics?.stop() })
      .add({ name: 'agent', start: () => this.#startAgent(), stop: () => this.#agent?.stop() });
  }

  /** What can be refused is tried first and changes nothing: the source, the port, the data folder. */
  async start(): Promise<void> {
    this.#source = this.#otherOpener ? sourceApart(this.options) : await chooseSource(this.options);
    await this.#lifecycle.start();
  }

  /** Stops in reverse order, also in the middle of `start`. May be called twice. */
  stop(): Promise<void> {
    return this.#lifecycle.stop();
  }

  /** `http://127.0.0.1:7420` */
  get url(): string {
    return this.#front.url;
  }

  get client(): ApiClient {
    return new ApiClient({ server: this.url });
  }

  get source(): ChosenSource {
    return this.#source;
  }

  /** The run's agent: ids of packets stored by this run begin with both. */
  get run(): { readonly agent: string; readonly epoch: number } {
    return { agent: AGENT_ID, epoch: this.#agent?.epoch ?? 0 };
  }

  async #startPostgres(): Promise<void> {
    this.#folder = await openDataFolder(this.options.dataDir);
    this.#postgres = new EmbeddedPostgres({
      dataDir: this.#folder.postgres,
      onExit: (exit) => this.#fail(postgresEnded(exit)),
    });
    const { connectionConfig: connection } = await this.#postgres.start();
    await migrate({ connection, ...controlMigrations });
    await migrate({ connection, schema: 'analytics', directory: analyticsMigrations });
    const onError = (err: Error): void => this.logger.warn({ err }, 'an idle database connection broke');
    this.#pool = createPool({ connection, name: 'bpfleet', maxConnections: 20, onError });
    this.#queryPool = createPool({ connection, name: 'bpfleet-queries', maxConnections: QUERY_CONNECTIONS, onError });
  }

  async #startFilterManager(): Promise<void> {
    const config = FilterManagerConfig.parse({ reportIntervalMs: STATUS_INTERVAL_MS });
    this.#filterManager = await createFilterManager(config, {
      ...this.#parts('filter-manager'),
      openApiPath: '/openapi/filter-manager.json',
      docsPath: '/docs',
    });
    await this.#filterManager.start();
    this.#front.serve({ filterManager: this.#filterManager.app.getHttpAdapter().getInstance() });
  }

  async #startAnalytics(): Promise<void> {
    const config = AnalyticsConfig.parse({ partitions: PARTITIONS, server: this.url });
    this.#analytics = await createAnalytics(config, {
      ...this.#parts('analytics'),
      queryPool: this.#queryPool,
      bus: this.#bus,
      openApiPath: '/openapi/analytics.json',
      docsPath: '/docs/analytics',
    });
    await this.#analytics.start();
    this.#front.serve({ analytics: this.#analytics.app.getHttpAdapter().getInstance() });
  }

  async #startAgent(): Promise<void> {
    const config = agentConfig(this.options, this.#folder.agent, this.url);
    const parts = {
      bus: this.#bus,
      logger: this.logger.child({ component: 'capture-agent' }),
      registry: this.#metrics,
      onFatal: this.#fail,
    };
    this.#agent = createAgent(config, this.#source.agentSource, parts, this.#otherOpener);
    await this.#agent.start();
  }

  #parts(name: string): { pool: Pool; logger: Logger; metrics: ReturnType<typeof createMetrics> } {
    return { pool: this.#pool, logger: this.logger.child({ component: name }), metrics: this.#metrics };
  }
}

const postgresEnded = ({ code, signal, log }: PostgresExit): BpfleetError =>
  new BpfleetError('STORE_UNAVAILABLE', `Postgres ended (${signal ?? code}): ${log.slice(-5).join('; ')}`, {
    hint: 'start again; what was committed is there',
  });
