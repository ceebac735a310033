import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { type BusRecord, KafkaBus, type Producer } from '@bpfleet/bus';
import { ApiClient, packetsTopic } from '@bpfleet/contract';
import { hasCode } from '@bpfleet/errors';
import { createPool } from '@bpfleet/store';
import { createDatabase, freePorts, type PostgresConnection, type TestDatabase } from '@bpfleet/test-environment';
import type pg from 'pg';
import { RegistryServer } from '../../../apps/analytics/src/testing/registry-server.js';
import { analyticsDatabase } from '../../../libs/store/src/testing/analytics-database.js';
import { postgresUrl } from '../../e2e/postgres-url.js';
import { ServiceProcess } from '../../e2e/service-process.js';
import { CommitLog } from './commit-log.js';
import { KnownTraffic } from './known-traffic.js';
import { compareStored, type Found } from './stored-sections.js';

const SEND_TIMEOUT_MS = 10_000;
const CATCH_UP_MS = 120_000;
/** Several may start at once, on a machine that does other things. */
const START_MS = 120_000;
const POLL_MS = 50;
/** Of a steady sender: each time it sends a section of one agent. */
const TICK_MS = 20;

export interface AnalyticsRigOptions {
  readonly brokers: readonly string[];
  readonly postgres: PostgresConnection;
  readonly agents?: number;
  readonly partitions?: number;
  /** For all replicas. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A process of analytics as it is installed. */
export interface Replica {
  /** Names it in the commit log. */
  readonly name: string;
  readonly process: ServiceProcess;
  readonly url: string;
  readonly client: ApiClient;
}

/** Analytics as processes, between a real Kafka and a real Postgres, and traffic of which every packet is known. */
export class AnalyticsRig {
  readonly traffic: KnownTraffic;
  readonly topicPrefix = `chaos-${randomUUID()}.`;
  readonly topic = packetsTopic(this.topicPrefix);
  readonly registry = new RegistryServer();
  readonly bus: KafkaBus;
  database!: TestDatabase;
  pool!: pg.Pool;
  commits!: CommitLog;
  readonly partitions: number;
  readonly #replicas: Replica[] = [];
  #producer: Producer | undefined;
  #started = 0;
  /** Requests of the producer that failed: what was in them was sent again. */
  failedRequests = 0;

  constructor(private readonly options: AnalyticsRigOptions) {
    const agents = options.agents ?? 12;
    this.partitions = options.partitions ?? 6;
    this.traffic = new KnownTraffic(Array.from({ length: agents }, (_, index) => `known-${index}`));
    const logger = { debug: () => {}, warn: () => void this.failedRequests++ };
    this.bus = new KafkaBus({ brokers: options.brokers, clientId: 'chaos', logger });
  }

  /** A database, the topic and the registry; no replica yet. */
  async start(): Promise<this> {
    this.database = await createDatabase(this.options.postgres, analyticsDatabase);
    this.pool = createPool({ connection: this.database.connection, name: 'chaos', onError: () => {} });
    this.commits = new CommitLog(this.pool);
    await this.commits.install();
    await this.registry.start();
    this.registry.set(this.traffic.registry);
    await this.bus.ensureTopic(this.topic, this.partitions);
    this.#producer = this.bus.producer();
    await this.#producer.start();
    return this;
  }

  async stop(): Promise<void> {
    // Also those that were stopped: nothing but this ends them.
    await Promise.all(this.#replicas.map(({ process }) => process.end('SIGKILL')));
    await this.#producer?.stop();
    await this.registry.stop();
    await this.pool?.end();
    await this.database?.drop();
  }

  /** Starts one more; does not wait for it. @param env on top of what all get */
  async spawnReplica(env: Readonly<Record<string, string>> = {}): Promise<Replica> {
    const [port] = (await freePorts(1)) as [number];
    const name = `r${++this.#started}`;
    const process = new ServiceProcess({
      name: `analytics ${name}`,
      entry: 'apps/analytics/dist/main.js',
      env: {
        BPFLEET_LOG_LEVEL: 'warn',
        BPFLEET_PORT: String(port),
        BPFLEET_PARTITIONS: String(this.partitions),
        BPFLEET_TOPIC_PREFIX: this.topicPrefix,
        BPFLEET_KAFKA_BROKERS: this.options.brokers.join(','),
        BPFLEET_SERVER: this.registry.url,
        BPFLEET_POSTGRES_URL: postgresUrl(this.database.connection),
        ...CommitLog.envOf(name),
        ...this.options.env,
        ...env,
      },
      // It ends with this process, also when that is killed, and also while it is stopped (prctl(2), PR_SET_PDEATHSIG).
      spawn: (argv, options) => spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], options),
    });
    const url = `http://127.0.0.1:${port}`;
    const replica = { name, process, url, client: new ApiClient({ server: url }) };
    this.#replicas.push(replica);
    return replica;
  }

  /** Starts one more and waits until it answers. */
  async startReplica(env: Readonly<Record<string, string>> = {}): Promise<Replica> {
    const replica = await this.spawnReplica(env);
    const isReady = () =>
      fetch(`${replica.url}/healthz/ready`)
        .then(({ ok }) => ok)
        .catch(() => false);
    await replica.process.until('it to be ready', isReady, START_MS);
    return replica;
  }

  /** Publishes as an agent does: the same bytes again until they are acknowledged. */
  async publish(records: readonly BusRecord[]): Promise<void> {
    for (;;) {
      try {
        return await this.#producer!.send(this.topic, records, SEND_TIMEOUT_MS);
      } catch (error) {
        if (!hasCode(error, 'BUS_TIMEOUT')) throw error;
      }
    }
  }

  /** Sections of all agents in turn. */
  async send(sections: number, packetsEach: number): Promise<void> {
    await this.publish(Array.from({ length: sections }, (_, index) => this.traffic.section(index, packetsEach)));
  }

  /** Sends until it is ended. @returns ends it, when all is acknowledged */
  sendSteadily(packetsPerSecond: number): () => Promise<void> {
    const ended = new AbortController();
    const packetsEach = Math.ceil((packetsPerSecond * TICK_MS) / 1000);
    const sending = (async () => {
      const start = performance.now();
      for (let tick = 0; !ended.signal.aborted; tick++) {
        const due = Math.floor((performance.now() - start) / TICK_MS) - tick;
        // What waited for the broker goes at once.
        const records = Array.from({ length: Math.max(1, due) }, (_, more) =>
          this.traffic.section(tick + more, packetsEach),
        );
        tick += records.length - 1;
        await this.publish(records);
        await delay(TICK_MS);
      }
    })();
    return () => {
      ended.abort();
      return sending;
    };
  }

  /** Value of a counter of a replica, all its series together. */
  async metric({ url }: Replica, name: string): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const values = text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'gm'));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  /** Waits until as many sections are stored as were sent, or for two minutes, and compares. */
  async found(): Promise<Found> {
    const count = 'SELECT count(*)::int AS rows FROM analytics.section';
    let stored = -1;
    for (let deadline = 0; stored < this.traffic.sections.size; await delay(POLL_MS)) {
      const { rows } = await this.pool.query<{ rows: number }>(count);
      if (rows[0]!.rows !== stored) deadline = performance.now() + CATCH_UP_MS;
      stored = rows[0]!.rows;
      if (performance.now() >= deadline) break;
    }
    return compareStored(this.pool, this.traffic.sections);
  }
}

/** Resolves when the condition holds. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, timeoutMs = 60_000): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; !(await holds()); await delay(POLL_MS)) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}
