import type { AgentStatus } from '@bpfleet/contract';
import { asRoot, brokersAway, gapErrors, interfaceErrors, ownTraffic, unkept, unread } from './agent-errors.js';
import type { DesireAnswer, FilterOutcome, OpenerPort } from './border/opener-port.js';
import type { SocketGap } from './capture/socket-gap.js';
import type { PacketSource } from './capture/sources/packet-source.js';
import type { AgentConfig } from './config.js';
import type { GuardMeter } from './guest/guard-meter.js';
import type { Guest } from './guest/guest.js';
import type { LedgerFigures } from './ledger-metrics.js';
import type { HostInterface } from './opener/plan.js';
import { minus } from './spool/amount.js';
import type { StoreFigures } from './spool/store-figures.js';
import type { WaitingSections } from './spool/waiting-sections.js';
import { agentStatus } from './status.js';

/** Whoever has something to tell, and that alone. */
export interface AccountParts {
  readonly opener: Pick<OpenerPort, 'attest' | 'isConfined'>;
  readonly interfaces: () => readonly HostInterface[];
  readonly source: Pick<PacketSource, 'kind' | 'troubles' | 'mappedBytes' | 'counters'>;
  readonly sections: Pick<WaitingSections, 'counts' | 'figures' | 'errors'> & { readonly disk: { maxBytes: number } };
  readonly guest: Pick<Guest, 'step' | 'errors'>;
  readonly guard: Pick<GuardMeter, 'read'>;
  readonly gap: Pick<SocketGap, 'interval' | 'lost'>;
  /** Why the agent does not do what the filter-manager says now. */
  readonly trouble: { readonly errors: AgentStatus['errors'] };
  readonly orders: { readonly troubles: readonly string[] };
  /** Why the brokers are not known yet. */
  readonly own: { readonly trouble: string | undefined };
}

/** What an epoch tells of itself: in the status to the filter-manager, in `/metrics` to whoever looks. Both from one place. */
export class EpochAccount {
  /** The highest that the opener accepted, as it last told: the filter-manager never says a lower one. */
  #generation = 0;
  #carriedOut: number | undefined;
  /** As the opener last told them. */
  #outcomes: readonly FilterOutcome[] = [];
  readonly #since = new Date();
  /** What the stores had when the epoch began: the status counts from there. */
  readonly #atStart: StoreFigures;

  /**
   * Before anything is captured.
   * @param before what the epoch before left behind
   */
  constructor(
    private readonly config: Pick<AgentConfig, 'agentId' | 'agentLabels' | 'agentInterfaces'>,
    private readonly epoch: number,
    private readonly before: Readonly<Record<string, string>>,
    private readonly parts: AccountParts,
  ) {
    this.#atStart = parts.sections.figures;
  }

  /** The opener carried out a state. @returns whether that is a new one */
  carriedOut({ generation, outcomes }: Pick<DesireAnswer, 'generation' | 'outcomes'>): boolean {
    const isNew = generation !== this.#carriedOut;
    this.#carriedOut = generation;
    this.#generation = generation;
    this.#outcomes = outcomes;
    return isNew;
  }

  /** What runs now, by the opener; nothing is signed for it. */
  async look(): Promise<readonly FilterOutcome[]> {
    const { generation, outcomes } = await this.parts.opener.attest();
    this.#generation = generation;
    this.#outcomes = outcomes;
    return outcomes;
  }

  get interfaceErrors(): AgentStatus['errors'] {
    const { source, interfaces } = this.parts;
    return source.kind === 'file' ? [] : interfaceErrors(this.config.agentInterfaces, interfaces());
  }

  /** Nothing is asked of the opener: whoever reaches the port may ask, and it would sign. */
  async figures(): Promise<LedgerFigures> {
    const { source, sections, opener, guest } = this.parts;
    const counters = await source.counters();
    const { evicted, damaged } = sections.figures;
    return {
      ...{ counters, outcomes: this.#outcomes, epoch: this.epoch, generation: this.#generation },
      confined: opener.isConfined,
      step: guest.step,
      lost: {
        evicted: minus(evicted, this.#atStart.evicted).packets,
        damaged: damaged.packets,
        killed: Number(this.before['before-lost'] ?? 0) + Number(this.before['before-lost-in-memory'] ?? 0),
      },
    };
  }

  /** @param nonce of the service, for statements that are signed */
  async status(nonce: string | undefined): Promise<Omit<AgentStatus, 'sequence'>> {
    const { opener, interfaces, source, sections, guest, guard, gap, trouble, orders, own } = this.parts;
    const { generation, outcomes, statements, troubles, notExcluded, asRoot: whyRoot } = await opener.attest(nonce);
    this.#generation = generation;
    this.#outcomes = outcomes;
    const counters = await source.counters();
    return agentStatus({
      agent: this.config.agentId,
      labels: this.config.agentLabels,
      ...{ generation, epoch: this.epoch, source: source.kind, confined: opener.isConfined },
      ...{ interfaces: interfaces(), outcomes, statements, counters },
      guard: guard.read(counters, source.mappedBytes),
      ...{ stores: sections.counts, figures: sections.figures, atStart: this.#atStart, since: this.#since },
      ...{ spoolCapBytes: sections.disk.maxBytes, before: this.before, withoutSocket: gap.interval },
      errors: [
        ...trouble.errors,
        ...brokersAway(own.trouble),
        ...this.interfaceErrors,
        ...guest.errors,
        ...unkept([...troubles, ...orders.troubles]),
        ...ownTraffic(notExcluded),
        ...asRoot(whyRoot),
        ...sections.errors,
        ...gapErrors(gap.lost),
        ...unread(source),
      ],
    });
  }
}
