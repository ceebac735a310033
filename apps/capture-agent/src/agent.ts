import type { Bus } from '@bpfleet/bus';
import { type AgentStatus, ApiClient, type Endpoint, type PlainDesiredState, packetsTopic } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { matchesPatterns } from '@bpfleet/linux';
import { makeFolder } from '@bpfleet/service';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { CaptureControl } from './capture/capture-control.js';
import { parseEndpoint } from './capture/excluded-endpoints.js';
import type { PacketSource } from './capture/packet-source.js';
import type { HostInterface } from './capture/plan.js';
import type { AgentConfig } from './config.js';
import { DesiredStateFollower } from './control/desired-state.js';
import { StatusReporter } from './control/status-reporter.js';
import { takeEpoch } from './epoch.js';
import { hostFacts } from './host-facts.js';
import { uplinkMetrics } from './uplink/metrics.js';
import { Publisher } from './uplink/publisher.js';

const SEND_TIMEOUT_MS = 15_000;
const RESCAN_INTERVAL_MS = 1000;

export interface AgentParts {
  readonly bus: Bus;
  readonly source: PacketSource;
  readonly interfaces: () => readonly HostInterface[];
  readonly logger: Logger;
  readonly registry: Registry;
  readonly onFatal: (error: unknown) => void;
}

/** One host's agent: desired state in, sections and status out. */
export class CaptureAgent {
  readonly #client: ApiClient;
  #epoch = 0;
  #publisher: Publisher | undefined;
  #control: CaptureControl | undefined;
  #follower: DesiredStateFollower | undefined;
  #reporter: StatusReporter | undefined;

  constructor(
    private readonly config: AgentConfig,
    private readonly parts: AgentParts,
  ) {
    this.#client = new ApiClient({ server: config.server });
  }

  /** Grows with each start; part of each stored packet's id. */
  get epoch(): number {
    return this.#epoch;
  }

  async start(): Promise<void> {
    const { config, parts } = this;
    this.#epoch = await prepareState(config.agentStateDir);
    const publisher = this.#makePublisher();
    this.#publisher = publisher;
    await publisher.start();
    await parts.source.start({ section: (section) => publisher.publish(section), fatal: parts.onFatal });
    const reporter = new StatusReporter(this.#client, parts.logger, () => this.#status(), parts.onFatal);
    this.#reporter = reporter;
    const control = this.#makeControl(() => reporter.changed());
    this.#control = control;
    control.start();
    reporter.start();
    this.#follower = this.#makeFollower(control, reporter);
    await this.#follower.start();
    for (const { code, message } of this.#unknownInterfaces()) parts.logger.warn({ code }, message);
    parts.logger.info({ agent: config.agentId, epoch: this.#epoch, source: parts.source.kind }, 'agent runs');
  }

  /** Stops capture, sends what is there for at most 5 s, leaves nothing running. */
  async stop(): Promise<void> {
    await this.#follower?.stop();
    await this.#control?.stop();
    await this.#reporter?.stop();
    await this.parts.source.stop();
    await this.#publisher?.stop();
  }

  #makePublisher(): Publisher {
    const { config, parts } = this;
    return new Publisher(
      {
        agent: config.agentId,
        epoch: this.#epoch,
        topic: packetsTopic(config.topicPrefix),
        maxPendingBytes: config.agentPendingBytes,
        sendTimeoutMs: SEND_TIMEOUT_MS,
      },
      parts.bus.producer(),
      uplinkMetrics(parts.registry),
      parts.logger,
      parts.onFatal,
    );
  }

  #makeControl(onChange: () => void): CaptureControl {
    const { config, parts } = this;
    const allowed = config.agentInterfaces;
    const options = {
      interfaces: parts.interfaces,
      // A replayed file is no interface of the host: nothing to allow or to match.
      mayOpen: (name: string) => parts.source.kind === 'file' || matchesPatterns(allowed, name),
      matches: (patterns: readonly string[], name: string) =>
        parts.source.kind === 'file' || matchesPatterns(patterns, name),
      ownEndpoints: async () => [parseEndpoint(config.server), ...(await this.#brokers())],
      rescanIntervalMs: RESCAN_INTERVAL_MS,
    };
    return new CaptureControl(options, parts.source, parts.logger, onChange, parts.onFatal);
  }

  #makeFollower(control: CaptureControl, reporter: StatusReporter): DesiredStateFollower {
    const { config, parts } = this;
    const take = async (state: PlainDesiredState): Promise<void> => {
      reporter.intervalMs = state.settings.reportIntervalMs;
      await control.desire(state);
    };
    const { agentId: agent, agentStateDir: folder } = config;
    return new DesiredStateFollower(
      agent,
      folder,
      this.#client,
      parts.logger,
      reporter.registered,
      take,
      parts.onFatal,
    );
  }

  /** The brokers the agent is told of by the cluster; those it was configured with while the cluster is away. */
  async #brokers(): Promise<readonly Endpoint[]> {
    try {
      return (await this.parts.bus.endpoints()).map(parseEndpoint);
    } catch (err) {
      this.parts.logger.warn({ err }, 'brokers not known yet, excluding the configured ones');
      return this.config.kafkaBrokers;
    }
  }

  /** Patterns that name no interface now. No reason to end: interfaces come and go. */
  #unknownInterfaces(): AgentStatus['errors'] {
    const { config, parts } = this;
    if (parts.source.kind === 'file') return [];
    const names = parts.interfaces().map(({ name }) => name);
    return config.agentInterfaces
      .filter((pattern) => !pattern.startsWith('!') && !names.some((name) => matchesPatterns([pattern], name)))
      .map((pattern) => ({
        code: 'INTERFACE_UNKNOWN',
        message: `no interface ${pattern} on this host; there are: ${names.join(', ')}`,
        at: new Date().toISOString(),
      }));
  }

  async #status(): Promise<Omit<AgentStatus, 'sequence'>> {
    const { config, parts } = this;
    const counts = this.#publisher?.counts ?? { sent: 0, dropped: 0, packetsDropped: 0 };
    return {
      agent: config.agentId,
      labels: config.agentLabels,
      generation: this.#control?.generation ?? 0,
      epoch: this.#epoch,
      source: parts.source.kind,
      facts: hostFacts(),
      interfaces: parts.interfaces().map(({ name, linkType, up }) => ({ name, linkType: linkType ?? 'unknown', up })),
      filters: (await this.#control?.states()) ?? [],
      sections: { ...counts, pending: this.#publisher?.pendingSections ?? 0 },
      errors: this.#unknownInterfaces(),
    };
  }
}

async function prepareState(folder: string): Promise<number> {
  try {
    await makeFolder(folder);
    return await takeEpoch(folder, Date.now());
  } catch (cause) {
    throw new BpfleetError(
      'DATA_NOT_WRITABLE',
      `the agent cannot write its state in ${folder}: ${(cause as Error).message}`,
      {
        cause,
        hint: 'make the folder writable, or name another with BPFLEET_AGENT_STATE_DIR',
      },
    );
  }
}
