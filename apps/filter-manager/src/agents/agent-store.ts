import type { Agent, AgentStatus } from '@bpfleet/contract';
import type { DesiredContent, FleetSettings } from '../desired/desired-content.js';

/** What one agent should run. The generation grows with each change of the rest. */
export interface StoredDesired extends Omit<DesiredContent, 'filters'> {
  readonly generation: number;
  /** By name of the filter. */
  readonly entries: readonly StoredEntry[];
}

export interface StoredEntry {
  readonly filter: string;
  readonly version: number;
  readonly digest: string;
  readonly interfaces: readonly string[];
}

/** `taken`: stored; `late`: older than the one that is stored, and ignored. */
export type StatusOutcome = 'taken' | 'late';

/** Keeps the agents: what they told about themselves and what they should run. */
export abstract class AgentStore {
  /** The first status of an agent makes it known; another label may change what it should run. */
  abstract recordStatus(status: AgentStatus): Promise<StatusOutcome>;
  /**
   * Notes the nonce for the agent's next statements.
   * @returns those that it was given before, the last two: an answer may not have reached it
   */
  abstract turnNonce(id: string, next: string): Promise<readonly string[]>;
  /** @throws BpfleetError `NOT_FOUND` */
  abstract desired(id: string): Promise<StoredDesired>;
  /** @throws BpfleetError `NOT_FOUND` */
  abstract get(id: string): Promise<Agent>;
  /** By id. */
  abstract list(after: string | undefined, limit: number): Promise<Agent[]>;
  /** Agents whose desired state changes by it get a new generation. */
  abstract applySettings(settings: FleetSettings): Promise<void>;
  /** Rejects when the store is of no use right now. */
  abstract ping(): Promise<void>;
}
