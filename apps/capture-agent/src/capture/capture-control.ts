import type { Endpoint, FilterState, PlainDesiredState } from '@bpfleet/contract';
import type { Logger } from 'pino';
import { resolveExcluded } from './excluded-endpoints.js';
import type { PacketSource, TargetState } from './packet-source.js';
import { type CapturePlan, type HostInterface, planCaptures } from './plan.js';

export interface CaptureControlOptions {
  /** The host's interfaces now. */
  readonly interfaces: () => readonly HostInterface[];
  readonly mayOpen: (name: string) => boolean;
  readonly matches: (patterns: readonly string[], name: string) => boolean;
  /** Endpoints the agent itself is connected to. */
  readonly ownEndpoints: () => Promise<readonly Endpoint[]>;
  readonly rescanIntervalMs: number;
}

/** Keeps what runs equal to what is desired, as interfaces come and go. */
export class CaptureControl {
  #desired: PlainDesiredState | undefined;
  #plan: CapturePlan = { targets: [], refused: [] };
  #states: readonly TargetState[] = [];
  #interfaces = '';
  #working: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: CaptureControlOptions,
    private readonly source: PacketSource,
    private readonly logger: Logger,
    private readonly onChange: () => void,
    private readonly onFatal: (error: unknown) => void,
  ) {}

  start(): void {
    this.#timer = setInterval(() => {
      // Only a change of the interfaces themselves: reading them is cheap, resolving names is not.
      if (this.#desired && this.#fingerprint() !== this.#interfaces) this.#enqueue().catch(this.onFatal);
    }, this.options.rescanIntervalMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#working;
  }

  get generation(): number {
    return Math.max(this.#desired?.generation ?? 0, 0);
  }

  /** Resolves when every filter of this state was tried. */
  async desire(state: PlainDesiredState): Promise<void> {
    this.#desired = state;
    await this.#enqueue();
  }

  /** State of each filter on each interface, read back from the kernel now. */
  async states(): Promise<FilterState[]> {
    await this.#working;
    this.#states = await this.source.report();
    return [...this.#filterStates(), ...this.#plan.refused];
  }

  /** One at a time, the last wish wins. A failure reaches the caller and does not stop the next. */
  #enqueue(): Promise<void> {
    const work = this.#working.then(() => this.#carryOut());
    this.#working = work.catch((err) => this.logger.error({ err }, 'desired state not carried out'));
    return work;
  }

  async #carryOut(): Promise<void> {
    const desired = this.#desired;
    if (desired === undefined) return;
    const { mayOpen, matches, ownEndpoints } = this.options;
    const endpoints = [...desired.excluded, ...(await ownEndpoints())];
    const excluded = await resolveExcluded(endpoints, this.logger);
    this.#interfaces = this.#fingerprint();
    const interfaces = this.options.interfaces();
    this.#plan = planCaptures({ filters: desired.filters, interfaces, mayOpen, matches, excluded });
    this.#states = await this.source.apply(this.#plan.targets, desired.settings.flushWindowMs);
    for (const state of this.#filterStates()) {
      const { filter, version, interface: device, reason } = state;
      const facts = { filter: `${filter}@${version}`, interface: device, state: state.state, reason };
      if (state.state === 'reported') this.logger.info(facts, 'filter runs');
      else this.logger.warn(facts, 'filter does not run');
    }
    this.onChange();
  }

  #fingerprint(): string {
    return JSON.stringify(this.options.interfaces());
  }

  #filterStates(): FilterState[] {
    const byKey = new Map(this.#states.map((state) => [state.key, state]));
    return this.#plan.targets.map((target) => {
      const { key, ...state } = byKey.get(target.key) ?? { key: target.key, state: 'pending' as const };
      return {
        filter: target.filter,
        version: target.version,
        digest: target.digest,
        interface: target.interface.name,
        linkType: target.interface.linkType,
        ...state,
      };
    });
  }
}
