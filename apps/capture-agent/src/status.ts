import { type AgentStatus, DsseEnvelope, type GuardFigures, type LossLedger } from '@bpfleet/contract';
import type { FilterOutcome } from './border/opener-port.js';
import type { CaptureCounters } from './capture/ring/capture-messages.js';
import type { Interval } from './capture/socket-gap.js';
import { hostFacts } from './host-facts.js';
import type { HostInterface } from './opener/plan.js';
import { type Amount, minus, sumOf } from './spool/amount.js';
import type { StoreCounts } from './spool/section-store.js';
import type { StoreFigures } from './spool/store-figures.js';
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
  /** Of both stores, over all epochs: now, and when this one began. */
  readonly figures: StoreFigures;
  readonly atStart: StoreFigures;
  /** When the epoch began. */
  readonly since: Date;
  readonly spoolCapBytes: number;
  readonly before: Readonly<Record<string, string>>;
  readonly withoutSocket: Interval | undefined;
}

/** The status as the contract has it. */
export function agentStatus(inputs: StatusInputs): Omit<AgentStatus, 'sequence'> {
  const { outcomes, counters, stores, figures, atStart, since, ...more } = inputs;
  const { before, withoutSocket, interfaces, statements, spoolCapBytes, ...rest } = more;
  const { sent, evicted, waiting } = figures;
  const [, memory] = stores;
  const captured = new Map(counters.versions.map((one) => [`${one.version} ${one.interface}`, one]));
  const dropped = new Map(counters.sockets.map((one) => [one.socket, one.dropped]));
  return withinLimits({
    ...rest,
    facts: hostFacts(),
    interfaces: interfaces.map(({ name, linkType, up }) => ({ name, linkType: linkType ?? 'unknown', up })),
    filters: outcomes.map(({ socket, ...outcome }) => {
      const version = captured.get(`${outcome.filter}@${outcome.version} ${outcome.interface}`);
      // Counters are of an interface, whatever link types it has.
      if (version === undefined || outcome.state === 'not applicable') return outcome;
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
      since: since.toISOString(),
      ...ledgerOf(outcomes, counters, figures, atStart),
      before: { ...before },
      ...(withoutSocket ? { withoutSocket: ends(withoutSocket) } : {}),
    },
    spool: {
      sections: waiting.sections,
      bytes: waiting.bytes,
      capBytes: spoolCapBytes,
      memoryOnly: memory.waiting.sections > 0,
    },
  });
}

function ledgerOf(
  outcomes: readonly FilterOutcome[],
  { taken, sockets, ended, versions }: CaptureCounters,
  figures: StoreFigures,
  atStart: StoreFigures,
): NonNullable<AgentStatus['ledger']> {
  const [sent, evicted] = [minus(figures.sent, atStart.sent), minus(figures.evicted, atStart.evicted)];
  const spooled = minus(totalOf(figures), totalOf(atStart));
  const damaged = minus(figures.damaged, atStart.damaged);
  const live = sockets.map(({ socket, interfaces, passed, dropped, taken: captured }) => ({
    interface: interfaces.length === 1 ? interfaces[0]! : '*',
    ...(interfaces.length === 1 ? {} : { sharedBy: interfaces.length }),
    filters: versionsOn(socket, outcomes),
    passed,
    droppedByKernel: dropped,
    captured,
  }));
  return {
    sockets: ended.sockets === 0 ? live : [...live, endedRow(ended)],
    filters: [...versions],
    agent: {
      captured: taken,
      carriedSections: atStart.waiting.sections,
      carriedPackets: atStart.waiting.packets,
      // Of what is damaged sections may be counted that turn out to be there.
      spooledSections: Math.max(0, spooled.sections),
      spooledPackets: Math.max(0, spooled.packets),
      sentSections: sent.sections,
      sentPackets: sent.packets,
      evictedSections: evicted.sections,
      evictedPackets: evicted.packets,
      damagedSections: Math.max(0, damaged.sections),
      damagedPackets: Math.max(0, damaged.packets),
    },
  };
}

const totalOf = ({ sent, evicted, waiting, damaged }: StoreFigures): Amount => sumOf([sent, evicted, waiting, damaged]);

const endedRow = ({ sockets, passed, dropped, taken }: CaptureCounters['ended']): LossLedger['sockets'][number] => ({
  ...{ interface: '*', ended: sockets, filters: [], passed, droppedByKernel: dropped, captured: taken },
});

/** Each once, on however many interfaces it runs there. */
const versionsOn = (socket: number, outcomes: readonly FilterOutcome[]): string[] => [
  ...new Set(outcomes.filter((one) => one.socket === socket).map(({ filter, version }) => `${filter}@${version}`)),
];

const ends = ({ fromMs, toMs }: Interval) => ({
  from: new Date(fromMs).toISOString(),
  to: new Date(toMs).toISOString(),
});
