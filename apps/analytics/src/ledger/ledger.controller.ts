import { type AgentLedger, formatInstantNs, type Ledger, queryApi } from '@bpfleet/contract';
import { Call, type CallOf } from '@bpfleet/service/nest';
import type { AgentAccount } from '@bpfleet/store';
import { Controller } from '@nestjs/common';
import { LedgerSource } from './ledger-source.js';

@Controller()
export class LedgerController {
  constructor(private readonly ledger: LedgerSource) {}

  @Call(queryApi.getLedger, {
    summary: 'What became of each agent’s packets: captured, stored, dropped, lost, missing, in quarantine',
  })
  async getLedger({ query }: CallOf<typeof queryApi.getLedger>): Promise<Ledger> {
    const accounts = await this.ledger.accounts(query.limit + 1, query.after);
    const agents = accounts.slice(0, query.limit).map(ledgerOf);
    const last = agents.at(-1);
    return { agents, ...(accounts.length > query.limit && last ? { next: last.agent } : {}) };
  }
}

function ledgerOf({ agent, epochs, losses, recordsQuarantined, missing }: AgentAccount): AgentLedger {
  const sum = (of: (epoch: AgentAccount['epochs'][number]) => number) =>
    // Agents say what they like, and the answer is to be readable.
    Math.min(
      epochs.reduce((total, epoch) => total + of(epoch), 0),
      Number.MAX_SAFE_INTEGER,
    );
  // Of an epoch that only the next one told of, no packet is here.
  const times = epochs.filter(({ sections }) => sections > 0).flatMap(({ firstNs, lastNs }) => [firstNs, lastNs]);
  const earliest = times.reduce((a, b) => (a < b ? a : b));
  const latest = times.reduce((a, b) => (a > b ? a : b));
  return {
    agent,
    epochs: epochs.length,
    firstPacketAt: formatInstantNs(earliest),
    lastPacketAt: formatInstantNs(latest),
    captured: sum(({ captured, packets }) => captured ?? packets),
    sectionsStored: sum(({ sections }) => sections),
    packetsStored: sum(({ packets }) => packets),
    leftOut: sum(({ leftOut }) => leftOut),
    droppedByKernel: losses.droppedByKernel,
    lostWithProcess: losses.lostByAgents,
    sectionsMissing: losses.sectionsMissing,
    packetsMissing: losses.packetsMissing,
    recordsQuarantined,
    missing: [...missing],
  };
}
