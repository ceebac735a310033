import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type AgentStatus,
  controlApi,
  type LossLedger,
  type PacketRow,
  packetMediaTypes,
  queryApi,
} from '@bpfleet/contract';
import { readCapture } from '@bpfleet/section';
import { createPool } from '@bpfleet/store';
import {
  createDatabase,
  createHosts,
  freePorts,
  type Host,
  type Hosts,
  type KafkaOptions,
  startOwnKafka,
  type TestDatabase,
  type TestKafka,
} from '@bpfleet/test-environment';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import type pg from 'pg';
import { onTestFinished } from 'vitest';
import { hostEnds } from '../../e2e/capture-point.js';
import { Fleet } from '../../e2e/fleet.js';
import { fleetDatabase } from '../../e2e/fleet-database.js';
import { numberedExpression, numberedFrames, numberOf, numbersIn } from '../../e2e/numbered-traffic.js';
import { push } from '../../e2e/packets-come-back.js';
import { postgresUrl } from '../../e2e/postgres-url.js';
import { SteadySender } from '../../e2e/steady-sender.js';
import { isRead } from '../rig/log-ends.js';

const CATCH_UP_MS = 60_000;
const POLL_MS = 100;
/** Some of what is captured is made older. */
const SINCE = '-12h';
/** Numbers of each test on one fleet begin at a multiple of it. */
export const NUMBERS_APART = 10_000_000;

/** One host with an agent, real services around it, and traffic whose every packet carries a number. */
export class OneHost {
  hosts!: Hosts;
  kafka!: Required<TestKafka>;
  fleet!: Fleet;
  sender!: SteadySender;
  database!: TestDatabase;
  protected readonly hostCount: number = 1;
  protected readonly expression: string = numberedExpression;
  protected readonly framesOf: (from: number, count: number) => Uint8Array[] = numberedFrames;

  async start(
    postgres: Parameters<typeof createDatabase>[0],
    agentEnv: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    this.hosts = await createHosts({ count: this.hostCount });
    this.kafka = await this.startKafka();
    this.database = await createDatabase(postgres, fleetDatabase);
    const [filterManager, analytics] = await freePorts(2);
    this.fleet = new Fleet({
      hosts: this.hosts,
      brokers: this.brokers,
      postgresUrl: postgresUrl(this.database.connection),
      isMigrated: true,
      ports: { filterManager: filterManager!, analytics: analytics! },
      agentEnv,
      reportIntervalMs: 500,
    });
    await this.fleet.start();
    await this.push('numbered', this.expression);
    this.sender = this.#newSender(this.hosts.host(1), this.framesOf);
  }

  protected get brokers(): readonly string[] {
    return this.kafka.brokers;
  }

  protected async startKafka(options: KafkaOptions = {}): Promise<Required<TestKafka>> {
    const { rootAddress: advertisedHost } = this.hosts;
    const started = await startOwnKafka({ advertisedHost, listenHost: '0.0.0.0', ...options });
    if ('unavailable' in started) throw new Error(started.unavailable);
    return started;
  }

  /** A filter, or its next version, until it runs everywhere. @returns `name@version` */
  push(name: string, expression: string): Promise<string> {
    const { hosts, fleet } = this;
    const { control, query } = fleet;
    const deployment = { hosts, control, query, points: hostEnds(hosts), until: fleet.until.bind(fleet) };
    return push(deployment, { filter: { name, expression, snaplenBytes: 96 }, tcpdump: '' });
  }

  /** Of traffic that arrives at a host, until the test ends: one that fails leaves nothing for the next to wonder about. */
  senderTo(host: Host, framesOf?: (from: number, count: number) => Uint8Array[]): SteadySender {
    const sender = this.#newSender(host, framesOf);
    onTestFinished(async () => {
      await sender.stop();
    });
    return sender;
  }

  #newSender(host: Host, framesOf?: (from: number, count: number) => Uint8Array[]): SteadySender {
    return new SteadySender(host.name, (action) => this.hosts.inside(this.hosts.hub, action), framesOf);
  }

  /** The opener's process. */
  get openerPid(): number {
    return this.fleet.agents.get(this.hosts.host(1).name)!.process.pid!;
  }

  /** The agent process: the opener's only child, but for what it tries before it starts one. */
  get agentPid(): number {
    const [child] = readFileSync(`/proc/${this.openerPid}/task/${this.openerPid}/children`, 'utf8').trim().split(' ');
    return Number(child);
  }

  /** What the agent itself said last. */
  async status(): Promise<AgentStatus | undefined> {
    const { items } = await this.fleet.control.call(controlApi.listAgents, { query: {} });
    return items[0]?.status;
  }

  async untilStatus(what: string, holds: (status: AgentStatus) => boolean): Promise<AgentStatus> {
    let last: AgentStatus | undefined;
    try {
      await this.fleet.until(what, async () => {
        last = await this.status();
        return last !== undefined && holds(last);
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}\nthe last status: ${JSON.stringify(last, null, 1)}`);
    }
    return last!;
  }

  /** The filter runs, in a later epoch. */
  untilRuns(after: number): Promise<AgentStatus> {
    return this.untilStatus('the filter to run again', ({ epoch, filters }) => {
      const state = filters.find(({ filter }) => filter === 'numbered')?.state;
      return epoch > after && state?.startsWith('attested') === true;
    });
  }

  /** The first ledger of a later epoch that has packets. */
  async untilCaptures(after: number): Promise<{ epoch: number; ledger: LossLedger }> {
    const { epoch, ledger } = await this.untilStatus(
      'packets of the new process',
      (status) => status.epoch > after && (status.ledger?.agent.captured ?? 0) > 0,
    );
    return { epoch, ledger: ledger! };
  }

  /** The agent ends as it should and starts again, with other settings: its counters begin at 0. */
  async restartAgent(env: Readonly<Record<string, string>> = {}): Promise<AgentStatus> {
    const host = this.hosts.host(1);
    const { epoch } = (await this.status())!;
    await this.fleet.agents.get(host.name)!.end();
    this.fleet.startAgent(host, env);
    return this.untilRuns(epoch);
  }

  async stop(): Promise<void> {
    try {
      await this.sender?.stop();
    } finally {
      await this.fleet?.stop();
      await this.kafka?.stop();
      await this.database?.drop();
      await this.hosts?.remove();
    }
  }

  /**
   * How often each number is stored, once all that the brokers have is read, and so many from `from` on at least are among it,
   * or none came for a minute.
   * (Consumers that were away with the brokers come back when their sessions have ended.)
   */
  async stored(expected: number, from = 0): Promise<Map<number, number>> {
    for (let most = -1, deadline = performance.now() + CATCH_UP_MS; ; await delay(POLL_MS)) {
      const isLate = performance.now() > deadline;
      // An export of everything is much to ask for while more is still coming.
      if (!isLate && !(await this.#isRead())) continue;
      const counts = await this.#counts();
      const found = [...counts.keys()].filter((number) => number >= from && number < from + NUMBERS_APART).length;
      if (found >= expected || (isLate && found <= most)) return counts;
      if (found > most) deadline = performance.now() + CATCH_UP_MS;
      most = Math.max(most, found);
    }
  }

  /** Analytics has read all that the agents have sent so far: what is stored by then, stays as it is. */
  #isRead(): Promise<boolean> {
    return this.withAdmin((admin) => this.#withPool((pool) => isRead(pool, admin, this.fleet.topic)));
  }

  untilRead(): Promise<void> {
    return this.fleet.until('all that was sent to be read', () => this.#isRead());
  }

  newClient(): Kafka {
    return new Kafka({ brokers: [...this.brokers], logLevel: logLevel.NOTHING });
  }

  async withAdmin<T>(use: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.newClient().admin();
    await admin.connect();
    try {
      return await use(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** Sections that analytics would not store: why, and the numbers in them. */
  async inQuarantine(): Promise<{ readonly reason: string; readonly numbers: readonly number[] }[]> {
    const rows = await this.#asked<{ reason: string; body: Buffer }>('SELECT reason, body FROM analytics.quarantine');
    return rows.map(({ reason, body }) => ({ reason, numbers: numbersIn(body) }));
  }

  /** One of analytics' metrics, without labels. */
  async analyticsFigure(name: string): Promise<number> {
    const metrics = await (await fetch(`${this.fleet.analyticsUrl}/metrics`)).text();
    return Number(
      metrics
        .split('\n')
        .find((line) => line.startsWith(`${name} `))!
        .slice(name.length),
    );
  }

  /** How often analytics has taken over each partition. */
  async takesOfPartitions(): Promise<number[]> {
    const rows = await this.#asked<{ fence: string }>('SELECT fence FROM analytics.position ORDER BY partition');
    return rows.map(({ fence }) => Number(fence));
  }

  async #asked<Row extends object>(sql: string): Promise<Row[]> {
    return this.#withPool(async (pool) => (await pool.query<Row>(sql)).rows);
  }

  async #withPool<T>(use: (pool: pg.Pool) => Promise<T>): Promise<T> {
    const pool = createPool({ name: 'chaos', connection: this.database.connection, onError: () => {} });
    try {
      return await use(pool);
    } finally {
      await pool.end();
    }
  }

  /** When each number was captured, Unix ms. */
  async storedAtMs(): Promise<Map<number, number>> {
    const times = new Map<number, number>();
    for (const { bytes, atNs } of readCapture(await this.file('numbered'))) {
      times.set(numberOf(bytes), Number(atNs / 1_000n) / 1_000);
    }
    return times;
  }

  /** In the order of (epoch, seq, index). */
  async storedPlaces(): Promise<StoredPlace[]> {
    const query = { version: 'numbered', since: SINCE, limit: 1_000_000 };
    const headers = { accept: packetMediaTypes.ndjson };
    const rows = await this.fleet.query.send(queryApi.listPackets, { query, headers });
    return (await rows.text())
      .split('\n')
      .filter((line) => line.includes('"id"'))
      .map((line) => placeOf(JSON.parse(line)))
      .sort((a, b) => a.epoch - b.epoch || a.seq - b.seq || a.index - b.index);
  }

  async #counts(): Promise<Map<number, number>> {
    const counts = new Map<number, number>();
    for (const number of numbersIn(await this.file('numbered'))) counts.set(number, (counts.get(number) ?? 0) + 1);
    return counts;
  }

  /** What is stored of a filter, or of one version: a capture file. */
  async file(version: string): Promise<Uint8Array> {
    const query = { version, since: SINCE, limit: 10_000_000 };
    const headers = { accept: packetMediaTypes.pcapng };
    const file = await this.fleet.query.send(queryApi.listPackets, { query, headers });
    return new Uint8Array(await file.arrayBuffer());
  }
}

/** Where a packet stands among all of its agent, and when it was captured, Unix ms. */
export interface StoredPlace {
  readonly epoch: number;
  readonly seq: number;
  readonly index: number;
  readonly atMs: number;
}

function placeOf({ id, at }: PacketRow): StoredPlace {
  const [epoch, seq, index] = id.split('.').slice(-3).map(Number) as [number, number, number];
  return { epoch, seq, index, atMs: Date.parse(at) };
}

/** Those whose time is before that of the one before them. */
export const outOfOrder = (places: readonly StoredPlace[]): StoredPlace[] =>
  places.filter(({ atMs }, index) => index > 0 && atMs < places[index - 1]!.atMs);

/** What became of the numbers from `from` on: how many are missing, and how many of all are stored more than once. */
export function missingAndTwice(
  sent: number,
  stored: ReadonlyMap<number, number>,
  from = 0,
): { missing: number; twice: number } {
  let missing = 0;
  for (let number = from; number < from + sent; number++) if (!stored.has(number)) missing++;
  return { missing, twice: [...stored.values()].filter((count) => count > 1).length };
}
