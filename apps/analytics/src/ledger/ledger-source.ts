import type { AgentAccount, KnownLosses, LossQuery } from '@bpfleet/store';

/** What of the hosts' packets is stored, and what is not; `LedgerStore` of the store implements it. */
export abstract class LedgerSource {
  abstract losses(query: LossQuery): Promise<KnownLosses>;
  /** By the agents' ids; those behind `after`. */
  abstract accounts(limit: number, after?: string): Promise<AgentAccount[]>;
}
