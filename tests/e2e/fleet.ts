import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Agent, ApiClient, controlApi, packetsTopic } from '@bpfleet/contract';
import type { Host, Hosts } from '@bpfleet/test-environment';
import { ServiceProcess } from './service-process.js';

export interface FleetOptions {
  readonly hosts: Hosts;
  readonly brokers: readonly string[];
  /** `postgres://…` of a database: empty, or a copy of `fleetDatabase`. */
  readonly postgresUrl: string;
  /** It is a copy of `fleetDatabase`: no service migrates it. */
  readonly isMigrated?: boolean;
  readonly ports: { readonly filterManager: number; readonly analytics: number };
  readonly agentEnv?: Readonly<Record<string, string>>;
  /** How often agents report; default: as the service does. */
  readonly reportIntervalMs?: number;
}

/** The distributed form: services in this machine's namespace, one agent process on each host, Kafka between them. */
export class Fleet {
  readonly control: ApiClient;
  readonly query: ApiClient;
  readonly analyticsUrl: string;
  readonly #services: ServiceProcess[] = [];
  #filterManager: ServiceProcess | undefined;
  #analytics: ServiceProcess | undefined;
  readonly agents = new Map<string, ServiceProcess>();
  /** Where its agents send. */
  readonly topic: string;
  readonly #common: Record<string, string>;
  #folder = '';

  constructor(private readonly options: FleetOptions) {
    const { hosts, brokers, ports } = options;
    this.control = new ApiClient({ server: `http://${hosts.rootAddress}:${ports.filterManager}` });
    this.analyticsUrl = `http://${hosts.rootAddress}:${ports.analytics}`;
    this.query = new ApiClient({ server: this.analyticsUrl });
    const topicPrefix = `e2e-${randomUUID()}.`;
    this.topic = packetsTopic(topicPrefix);
    this.#common = {
      BPFLEET_LISTEN: hosts.rootAddress,
      BPFLEET_KAFKA_BROKERS: brokers.join(','),
      BPFLEET_TOPIC_PREFIX: topicPrefix,
      BPFLEET_POSTGRES_URL: options.postgresUrl,
      BPFLEET_SERVER: `http://${hosts.rootAddress}:${ports.filterManager}`,
      BPFLEET_ENROLMENT_TOKEN: randomUUID(),
    };
  }

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'bpfleet-fleet-'));
    // So that agents may leave root for `nobody`, as on a host.
    await chmod(this.#folder, 0o711);
    const { hosts, isMigrated } = this.options;
    if (!isMigrated) await this.#service('analytics', ['migrate'], {}).exit();
    const services = [this.#startFilterManager({}), this.#startAnalytics()];
    // They wait for the filter-manager, as on hosts that start with it.
    for (const host of hosts.list) this.startAgent(host);
    await Promise.all(services);
    await this.untilAgents((agents) => agents.length === hosts.list.length);
  }

  /** Another filter-manager in place of the one that runs. @param env on top of what all services get; its database is as the first one's */
  async replaceFilterManager(env: Readonly<Record<string, string>>): Promise<void> {
    await this.#filterManager!.end();
    await this.#startFilterManager(env);
  }

  /** Nobody reads what the agents send, until the work is done. */
  async withoutAnalytics(work: () => Promise<void>): Promise<void> {
    await this.#analytics!.end();
    await work();
    await this.#startAnalytics();
  }

  async #startAnalytics(): Promise<void> {
    this.#analytics = await this.#startService('analytics', this.options.ports.analytics, {});
  }

  async #startFilterManager(env: Readonly<Record<string, string>>): Promise<void> {
    const { ports, reportIntervalMs, isMigrated } = this.options;
    if (!isMigrated) await this.#service('filter-manager', ['migrate'], env).exit();
    const reporting = reportIntervalMs === undefined ? {} : { BPFLEET_REPORT_INTERVAL_MS: String(reportIntervalMs) };
    this.#filterManager = await this.#startService('filter-manager', ports.filterManager, { ...reporting, ...env });
  }

  async #startService(name: string, port: number, env: Readonly<Record<string, string>>): Promise<ServiceProcess> {
    const service = this.#service(name, [], { BPFLEET_PORT: String(port), ...env });
    await service.ready(`http://${this.options.hosts.rootAddress}:${port}/healthz/ready`);
    return service;
  }

  stateDir(host: Host): string {
    return join(this.#folder, host.name);
  }

  #service(name: string, args: readonly string[], env: Readonly<Record<string, string>>): ServiceProcess {
    // Analytics alone talks to Kafka; each reads only what is its own.
    const service = new ServiceProcess({
      name,
      entry: `apps/${name}/dist/main.js`,
      args,
      env: { ...this.#common, ...env },
    });
    this.#services.push(service);
    return service;
  }

  /** @param env on top of what all agents get */
  startAgent(host: Host, env: Readonly<Record<string, string>> = {}): ServiceProcess {
    const { hosts } = this.options;
    const agent = new ServiceProcess({
      name: `agent on ${host.name}`,
      entry: 'apps/capture-agent/dist/main.js',
      env: {
        ...this.#common,
        BPFLEET_LISTEN: '127.0.0.1',
        BPFLEET_AGENT_ID: host.name,
        BPFLEET_AGENT_LABELS: `host=${host.name},kind=test`,
        BPFLEET_AGENT_STATE_DIR: this.stateDir(host),
        ...this.options.agentEnv,
        ...env,
      },
      spawn: (argv, options) => hosts.spawn(host, argv, options),
    });
    this.agents.set(host.name, agent);
    return agent;
  }

  /** Resolves with the agents when the condition holds for what they reported. */
  async untilAgents(holds: (agents: Agent[]) => boolean): Promise<Agent[]> {
    let agents: Agent[] = [];
    await this.until('agents to report', async () => {
      agents = (await this.control.call(controlApi.listAgents, { query: {} })).items;
      return holds(agents);
    });
    return agents;
  }

  /** Fails, with their output, when a process of the fleet ends meanwhile. */
  async until(what: string, holds: () => Promise<boolean>, timeoutMs?: number): Promise<void> {
    const running = [...this.#services.filter((service) => !service.hasExited), ...this.agents.values()];
    const watched = running.find((service) => service.hasExited) ?? running[0]!;
    await watched.until(what, holds, timeoutMs);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.agents.values()].map((agent) => agent.end()));
    await Promise.all(this.#services.map((service) => service.end()));
    await rm(this.#folder, { recursive: true, force: true });
  }
}
