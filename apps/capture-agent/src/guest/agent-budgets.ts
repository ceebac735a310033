import type { AgentBudgets as WishedBudgets } from '@bpfleet/contract';
import type { AgentConfig } from '../config.js';
import type { HostBudget } from './throttle.js';

/** Each of those that keep to a budget, and the budget alone. */
export interface BudgetKeepers {
  /** Processor and memory. */
  readonly guest: { budget: HostBudget };
  /** What may wait. */
  readonly disk: { maxBytes: number };
  /** What may be sent. */
  readonly sender: { bytesPerSecond: number };
}

type Configured = Pick<
  AgentConfig,
  'agentCpuPercent' | 'agentMemoryBytes' | 'agentSpoolBytes' | 'agentSendBytesPerSecond'
>;

/** What the agent may take of its host: as a state wishes, and what that leaves out as this agent is configured. */
export class AgentBudgets {
  constructor(
    private readonly configured: Configured,
    private readonly keepers: BudgetKeepers,
  ) {}

  keepTo(wished: WishedBudgets): void {
    const { configured } = this;
    const { guest, disk, sender } = this.keepers;
    const { cpuPercent = configured.agentCpuPercent, memoryBytes = configured.agentMemoryBytes } = wished;
    guest.budget = { cpuPercent, memoryBytes };
    disk.maxBytes = wished.spoolBytes ?? configured.agentSpoolBytes;
    const { sendBytesPerSecond = configured.agentSendBytesPerSecond } = wished;
    // 0: as fast as it can.
    sender.bytesPerSecond = sendBytesPerSecond || Number.POSITIVE_INFINITY;
  }
}
