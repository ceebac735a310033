import type { AgentAccount, KnownLosses } from '@bpfleet/store';
import { LedgerSource } from './ledger-source.js';

const NOTHING_LOST: KnownLosses = {
  droppedByKernel: 0,
  lostByAgents: 0,
  leftOutByAgents: 0,
  sectionsMissing: 0,
  packetsMissing: 0,
  recordsQuarantined: 0,
  recordsLost: 0,
};

/** A `LedgerSource` that says what it was told; for tests. */
export class MemoryLedger extends LedgerSource {
  known: Partial<KnownLosses> = {};
  agents: AgentAccount[] = [];

  override async losses(): Promise<KnownLosses> {
    return { ...NOTHING_LOST, ...this.known };
  }

  override async accounts(): Promise<AgentAccount[]> {
    return this.agents;
  }
}
