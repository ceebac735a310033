import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ApiClient, packetsTopic, type Registry } from '@bpfleet/contract';
import { createPool } from '@bpfleet/store';
import { startTemporaryPostgres, type TemporaryPostgres } from '@bpfleet/store/embedded';
import { freePorts, startKafka, type TestKafka } from '@bpfleet/test-environment';
import type pg from 'pg';
import { agentIds, inRegistry } from './load-agent.js';
import type { LoadOrder, LoadReport } from './load-process.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const LOAD = fileURLToPath(new URL('./load-process.js', import.meta.url));
const START_MS = 60_000;
const HOLD_MS = 20_000;
const PARTITIONS = 12;
export const AGENTS = 8;
/** As facts of a machine that has the memory; durable commits, as they are by default. */
const POSTGRES = { shared_buffers: '4GB', max_wal_size: '16GB', jit: 'off' } as const;

/** A real Kafka, a real Postgres, and analytics as it is installed: a process of its own. */
export class StoreRig {
  kafka!: TestKafka;
  pool!: pg.Pool;
  readonly #prefix = `bench-${randomUUID()}.`;
  readonly #registry: Server = createServer((_, response) => {
    // There is never any news.
    if (this.#isTold) {
      setTimeout(() => response.writeHead(304).end(), HOLD_MS).unref();
      return;
    }
    this.#isTold = true;
    response.writeHead(200, { 'content-type': 'application/json', etag: '"1"' });
    response.end(JSON.stringify(registry));
  });
  #isTold = false;
  #postgres!: TemporaryPostgres;
  #analytics: ChildProcess | undefined;
  #url = '';
  #postmaster = 0;

  /** Gives the reason when there can be no Kafka here. */
  async start(): Promise<{ unavailable: string } | undefined> {
    const kafka = await startKafka({ settings: { 'log.retention.bytes': '-1' } });
    if ('unavailable' in kafka) return kafka;
    this.kafka = kafka;
    this.#postgres = await startTemporaryPostgres({ settings: POSTGRES });
    await once(this.#registry.listen(0, '127.0.0.1'), 'listening');
    const connection = this.#postgres.connectionConfig;
    this.pool = createPool({ connection, name: 'bench', statementTimeoutMs: 600_000, onError: () => {} });
    const { rows } = await this.pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    this.#postmaster = Number(statOf(rows[0]!.pid)[1]);
    await once(this.#spawn(['migrate'], 0), 'exit');
    return undefined;
  }

  get topic(): string {
    return packetsTopic(this.#prefix);
  }

  get url(): string {
    return this.#url;
  }

  get client(): ApiClient {
    return new ApiClient({ server: this.#url });
  }

  /** A fresh process; ends the one before. Resolves when it answers. */
  async restartAnalytics(): Promise<void> {
    await this.stopAnalytics();
    this.#isTold = false;
    const [port] = (await freePorts(1)) as [number];
    this.#url = `http://127.0.0.1:${port}`;
    this.#analytics = this.#spawn([], port);
    await until('analytics', () => fetch(`${this.#url}/healthz/ready`).then(({ ok }) => ok));
  }

  async stopAnalytics(): Promise<void> {
    const process = this.#analytics;
    this.#analytics = undefined;
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return;
    process.kill('SIGTERM');
    await once(process, 'exit');
  }

  /** Value of one of analytics' counters, all its series together. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#url}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Puts packets into the topic from another process. */
  load(order: Omit<LoadOrder, 'brokers' | 'topic' | 'agents'>): {
    readonly done: Promise<LoadReport | undefined>;
    stop(): void;
  } {
    const full: LoadOrder = { ...order, brokers: this.kafka.brokers, topic: this.topic, agents: AGENTS };
    const child = spawn(process.execPath, [LOAD, JSON.stringify(full)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    let isStopped = false;
    const done = once(child, 'close').then(([code]) => {
      if (code !== 0 && !isStopped) throw new Error(`the load process ended with code ${code}`);
      return isStopped ? undefined : (JSON.parse(text) as LoadReport);
    });
    const stop = () => {
      isStopped = true;
      child.kill('SIGKILL');
    };
    return { done, stop };
  }

  /** Processor time of analytics and of all of Postgres so far. */
  cpuMs(): { readonly analytics: number; readonly postgres: number } {
    return { analytics: treeCpuMs(this.#analytics!.pid!), postgres: treeCpuMs(this.#postmaster) };
  }

  async stop(): Promise<void> {
    await this.stopAnalytics();
    this.#registry.close();
    this.#registry.closeAllConnections();
    await this.pool?.end();
    await this.#postgres?.stop();
    await this.kafka?.stop();
  }

  #spawn(args: readonly string[], port: number): ChildProcess {
    const { host, port: socket, user, database } = this.#postgres.connectionConfig;
    const profile = args.length === 0 ? (process.env.BPFLEET_BENCH_NODE_OPTIONS ?? '').split(' ').filter(Boolean) : [];
    return spawn(process.execPath, [...profile, `${ROOT}apps/analytics/dist/main.js`, ...args], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: {
        ...{ PATH: process.env.PATH, HOME: process.env.HOME },
        BPFLEET_LOG_LEVEL: 'error',
        BPFLEET_PORT: String(port),
        BPFLEET_PARTITIONS: String(PARTITIONS),
        BPFLEET_TOPIC_PREFIX: this.#prefix,
        BPFLEET_KAFKA_BROKERS: this.kafka.brokers.join(','),
        BPFLEET_SERVER: `http://127.0.0.1:${(this.#registry.address() as AddressInfo).port}`,
        BPFLEET_POSTGRES_URL: `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${socket}`,
      },
    });
  }
}

const registry: Registry = { revision: 1, agents: agentIds(AGENTS).map(inRegistry), filters: [], versions: [] };

export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = START_MS): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; !(await holds().catch(() => false)); await delay(100)) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}

/** /proc/PID/stat from its third field on: state, parent … */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Of a process and its children, those that have ended included (fields 14 to 17 of stat, in ticks of 10 ms). */
function treeCpuMs(pid: number): number {
  const ownMs = statOf(pid)
    .slice(11, 15)
    .reduce((sum, ticks) => sum + 10 * Number(ticks), 0);
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
  return children.reduce((sum, child) => sum + treeCpuMs(child), ownMs);
}
