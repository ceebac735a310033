import { type Agent, type AgentStatus, canonicalJson } from '@bpfleet/contract';
import { AgentStore, type StatusOutcome, type StoredDesired } from '../agents/agent-store.js';
import { agentNotFound } from '../agents/not-found.js';
import type { FleetSettings } from '../desired/desired-content.js';
import { after, type MemoryAgent, type MemoryControl } from './memory-control.js';

export class MemoryAgentStore extends AgentStore {
  constructor(private readonly control: MemoryControl) {
    super();
  }

  override async recordStatus(status: AgentStatus): Promise<StatusOutcome> {
    const { agent: id, labels } = status;
    const before = this.control.agents.get(id);
    const last = before?.agent.status;
    if (last && status.epoch === last.epoch && status.sequence <= last.sequence) return 'late';
    const present = before?.agent.generation ?? 0;
    // As in Postgres: never below what the agent has.
    const generation = before && present >= status.generation ? present : status.generation + 1;
    const agent = { id, labels, generation, lastHeardAt: new Date().toISOString(), status };
    this.control.change(() =>
      this.control.agents.set(id, { agent, desired: before?.desired ?? this.control.contentFor(labels) }),
    );
    if (!before || canonicalJson(before.agent.labels) !== canonicalJson(labels)) this.control.touchRegistry();
    return 'taken';
  }

  override async turnNonce(id: string, next: string): Promise<readonly string[]> {
    const before = this.control.nonces.get(id) ?? [];
    this.control.nonces.set(id, [next, ...before].slice(0, 3));
    return before.slice(0, 2);
  }

  override async desired(id: string): Promise<StoredDesired> {
    const { agent, desired } = this.#present(id);
    const { filters, ...rest } = desired;
    const entries = filters.map(({ filter, version }) => {
      const { digest, interfaces } = this.control.filters.get(filter)!.versions[version - 1]!;
      return { filter, version, digest, interfaces };
    });
    return { generation: agent.generation, entries, ...rest };
  }

  override async get(id: string): Promise<Agent> {
    return this.#present(id).agent;
  }

  override async list(key: string | undefined, limit: number): Promise<Agent[]> {
    return after(this.control.agents.values(), ({ agent }) => agent.id, key, limit).map(({ agent }) => agent);
  }

  override async applySettings(settings: FleetSettings): Promise<void> {
    this.control.change(() => {
      this.control.settings = settings;
    });
  }

  override async ping(): Promise<void> {}

  #present(id: string): MemoryAgent {
    const agent = this.control.agents.get(id);
    if (!agent) throw agentNotFound(id);
    return agent;
  }
}
