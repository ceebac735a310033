import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { KafkaBus } from '@bpfleet/bus';
import { ApiClient, controlApi, packetsTopic } from '@bpfleet/contract';
import {
  freePorts,
  type PostgresConnection,
  startOwnKafka,
  startPostgres,
  type TestKafka,
  type TestPostgres,
} from '@bpfleet/test-environment';
import type { Wire } from './wire.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const AGENT_PORT = 7422;
const START_MS = 60_000;

/** The agent as it is installed, on the wire's host: both processes, a filter-manager, a Kafka and a Postgres. */
export class AgentHost {
  kafka!: Required<TestKafka>;
  readonly topic: string;
  #postgres!: TestPostgres;
  #filterManager!: ChildProcess;
  #agent!: ChildProcess;
  #folder = '';
  readonly #prefix = `bench-${randomUUID()}.`;

  constructor(private readonly wire: Wire) {
    this.topic = packetsTopic(this.#prefix);
  }

  /** Resolves when the filter runs. Gives the reason when there can be no Kafka here. */
  async start(expression: string): Promise<{ unavailable: string } | undefined> {
    const { rootAddress } = this.wire.hosts;
    const kafka = await startOwnKafka({ advertisedHost: rootAddress, listenHost: '0.0.0.0' });
    if ('unavailable' in kafka) return kafka;
    this.kafka = kafka;
    this.#postgres = await startPostgres();
    this.#folder = await mkdtemp(join(tmpdir(), 'bpfleet-bench-agent-'));
    await new KafkaBus({ brokers: kafka.brokers, clientId: 'bench' }).ensureTopic(this.topic, 1);
    const [port] = await freePorts(1);
    const server = `http://${rootAddress}:${port}`;
    const common = { BPFLEET_ENROLMENT_TOKEN: randomUUID(), BPFLEET_SERVER: server, BPFLEET_LOG_LEVEL: 'warn' };
    const manager = {
      ...common,
      BPFLEET_LISTEN: rootAddress,
      BPFLEET_PORT: String(port),
      BPFLEET_POSTGRES_URL: urlOf(this.#postgres.connection),
    };
    const entry = `${ROOT}apps/filter-manager/dist/main.js`;
    await once(spawn(process.execPath, [entry, 'migrate'], { env: environment(manager), stdio: QUIET }), 'exit');
    this.#filterManager = spawn(process.execPath, [entry], { env: environment(manager), stdio: QUIET });
    await until('the filter-manager', () => fetch(`${server}/healthz/ready`).then(({ ok }) => ok));
    this.#startAgent(common);
    await this.#runFilter(new ApiClient({ server }), expression);
    return undefined;
  }

  /** Of the servers around it. */
  get versions(): Readonly<Record<string, string>> {
    return { kafka: this.kafka.version, postgres: this.#postgres.version };
  }

  /** The opener and the agent process. */
  get pids(): readonly number[] {
    const opener = this.#agent.pid!;
    const threads = readdirSync(`/proc/${opener}/task`);
    const children = threads.flatMap((thread) =>
      readFileSync(`/proc/${opener}/task/${thread}/children`, 'utf8').split(' '),
    );
    return [opener, ...children.map(Number).filter((pid) => pid > 0)];
  }

  /** Where it listens, seen from its host. */
  get metricsUrl(): string {
    return `http://127.0.0.1:${AGENT_PORT}/metrics`;
  }

  async stop(): Promise<void> {
    for (const child of [this.#agent, this.#filterManager]) await ended(child);
    await this.#postgres?.stop();
    await this.kafka?.stop();
    if (this.#folder) await rm(this.#folder, { recursive: true });
  }

  #startAgent(common: Readonly<Record<string, string>>): void {
    const argv = this.wire.receiverArgv([process.execPath, `${ROOT}apps/capture-agent/dist/main.js`]);
    const env = {
      ...common,
      BPFLEET_LISTEN: '127.0.0.1',
      BPFLEET_PORT: String(AGENT_PORT),
      BPFLEET_KAFKA_BROKERS: this.kafka.brokers.join(','),
      BPFLEET_TOPIC_PREFIX: this.#prefix,
      BPFLEET_AGENT_ID: 'bench',
      BPFLEET_AGENT_STATE_DIR: this.#folder,
      // What is measured is what it takes, not how it saves.
      BPFLEET_AGENT_CPU_PERCENT: '400',
      // For profiles, as in the rig.
      NODE_OPTIONS: process.env.BPFLEET_BENCH_NODE_OPTIONS ?? '',
    };
    this.#agent = spawn('ip', argv, { env: environment(env), stdio: QUIET });
  }

  async #runFilter(control: ApiClient, expression: string): Promise<void> {
    const agents = async () => (await control.call(controlApi.listAgents, { query: {} })).items;
    await until('the agent to report', async () => (await agents()).length > 0);
    await control.call(controlApi.createFilter, { body: { name: 'bench', expression, snaplenBytes: 96 } });
    await control.call(controlApi.createAssignment, { body: { filter: 'bench' } });
    await until('the filter to run', async () =>
      (await agents()).some(({ status }) => status?.filters?.some(({ state }) => state === 'attested')),
    );
  }
}

const QUIET: StdioOptions = ['ignore', 'ignore', 'inherit'];

const environment = (own: Readonly<Record<string, string>>): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: process.env.HOME,
  ...own,
});

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + START_MS; !(await holds().catch(() => false)); await delay(100)) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
  }
}

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

function urlOf(connection: PostgresConnection): string {
  if (typeof connection === 'string') return connection;
  const { host, port, user, database } = connection;
  return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
}
