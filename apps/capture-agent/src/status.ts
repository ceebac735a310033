import { type AgentStatus, DsseEnvelope, type GuardFigures } from '@bpfleet/contract';
import type { FilterOutcome } from './border/opener-port.js';
import type { CaptureCounters } from './capture/ring/capture-messages.js';
import type { Interval } from './capture/socket-gap.js';
import { hostFacts } from './host-facts.js';
import type { HostInterface } from './opener/plan.js';
import type { Tally } from './spool/record-header.js';
import type { StoreCounts } from './spool/section-store.js';
import { withinLimits } from './status-bounds.js';

export interface StatusInputs
  extends Pick<AgentStatus, 'agent' | 'labels' | 'generation' | 'epoch' | 'source' | 'errors'> {
  readonly confined: boolean;
  readonly guard: GuardFigures;
  readonly interfaces: readonly HostInterface[];
  readonly outcomes: readonly FilterOutcome[];
  readonly statements: readonly unknown[];
  readonly counters: CaptureCounters;
  /** Disk first, then memory. */
  readonly stores: readonly [StoreCounts, StoreCounts];
  readonly sent: Tally;
  readonly spoolCapBytes: number;
  readonly before: Readonly<Record<string, string>>;
  readonly withoutSocket: Interval | undefined;
}

/** The status as the contract has it. */
export function agentStatus(inputs: StatusInputs): Omit<AgentStatus, 'sequence'> {
  const { outcomes, counters, stores, sent, before, withoutSocket, interfaces, statements, spoolCapBytes, ...rest } =
    inputs;
  const [disk, memory] = stores;
  const evicted = {
    sections: disk.evicted.sections + memory.evicted.sections,
    packets: disk.evicted.packets + memory.evicted.packets,
  };
  const waiting = {
    sections: disk.waiting.sections + memory.waiting.sections,
    packets: disk.waiting.packets + memory.waiting.packets,
  };
  const captured = new Map(counters.versions.map((one) => [`${one.version} ${one.interface}`, one]));
  const dropped = new Map(counters.sockets.map((one) => [one.socket, one.dropped]));
  return withinLimits({
    ...rest,
    facts: hostFacts(),
    interfaces: interfaces.map(({ name, linkType, up }) => ({ name, linkType: linkType ?? 'unknown', up })),
    filters: outcomes.map(({ socket, ...outcome }) => {
      const version = captured.get(`${outcome.filter}@${outcome.version} ${outcome.interface}`);
      if (version === undefined) return outcome;
      const droppedByKernel = (socket === undefined ? undefined : dropped.get(socket)) ?? 0;
      return { ...outcome, counters: { matched: version.matched, droppedByKernel, captured: version.stored } };
    }),
    statements: statements.map((statement) => DsseEnvelope.parse(statement)),
    sections: {
      sent: sent.sections,
      pending: waiting.sections,
      dropped: evicted.sections,
      packetsDropped: evicted.packets,
    },
    ledger: {
      ...ledgerOf(outcomes, counters, { sent, evicted, waiting }),
      before: { ...before },
      ...(withoutSocket ? { withoutSocket: ends(withoutSocket) } : {}),
    },
    spool: {
      sections: waiting.sections,
      bytes: disk.waiting.bytes + memory.waiting.bytes,
      capBytes: spoolCapBytes,
      memoryOnly: memory.waiting.sections > 0,
    },
  });
}

function ledgerOf(
  outcomes: readonly FilterOutcome[],
  { taken, sockets, versions }: CaptureCounters,
  sections: { readonly sent: Tally; readonly evicted: Tally; readonly waiting: Tally },
): NonNullable<AgentStatus['ledger']> {
  const { sent, evicted, waiting } = sections;
  return {
    sockets: sockets.map(({ socket, interfaces, passed, dropped, taken: captured }) => ({
      interface: interfaces.length === 1 ? interfaces[0]! : '*',
      ...(interfaces.length === 1 ? {} : { sharedBy: interfaces.length }),
      filters: versionsOn(socket, outcomes),
      passed,
      droppedByKernel: dropped,
      captured,
    })),
    filters: [...versions],
    agent: {
      captured: taken,
      spooledSections: sent.sections + evicted.sections + waiting.sections,
      spooledPackets: sent.packets + evicted.packets + waiting.packets,
      sentSections: sent.sections,
      sentPackets: sent.packets,
      evictedSections: evicted.sections,
      evictedPackets: evicted.packets,
    },
  };
}

/** Each once, on however many interfaces it runs there. */
const versionsOn = (socket: number, outcomes: readonly FilterOutcome[]): string[] => [
  ...new Set(outcomes.filter((one) => one.socket === socket).map(({ filter, version }) => `${filter}@${version}`)),
];

const ends = ({ fromMs, toMs }: Interval) => ({
  from: new Date(fromMs).toISOString(),
  to: new Date(toMs).toISOString(),
});
