import { type Backtest, type NewBacktest, PacketQuery } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Injectable } from '@nestjs/common';
import { LedgerSource } from '../ledger/ledger-source.js';
import { packetPredicates } from '../packets/packet-predicate.js';
import { packetRequest } from '../packets/packet-request.js';
import type { PacketPredicates } from '../packets/packet-verdict.js';
import { ScanBudget } from '../packets/scan-budget.js';
import { ScanSlots } from '../packets/scan-slots.js';
import { sectionQuery } from '../packets/section-query.js';
import { SectionSource } from '../packets/section-source.js';
import { KnownVersions } from '../registry/known-versions.js';
import { BacktestScan } from './backtest-scan.js';

/** Each reads a range as a whole. */
const MOST_BACKTESTS = 2;

/** Of a version that the registry has forgotten nobody can tell what it would have matched. */
const predicatesOf = (expression: string | undefined): PacketPredicates =>
  expression === undefined ? () => () => 'undecided' : packetPredicates(expression);

@Injectable()
export class BacktestsService {
  readonly #slots = new ScanSlots(MOST_BACKTESTS);

  constructor(
    private readonly source: SectionSource,
    private readonly ledger: LedgerSource,
    private readonly versions: KnownVersions,
  ) {}

  /**
   * Judges the stored packets of a range by a candidate expression.
   * @param nowMs Unix time that relative times count from
   * @throws BpfleetError `REQUEST_INVALID`, `NOT_FOUND` for a version that nobody knows, `TOO_BUSY`, or what the filter
   *   language says of the expression
   */
  async run(asked: NewBacktest, nowMs: number, signal: AbortSignal): Promise<Backtest> {
    const { filter, since, until, agent, timeoutMs, maxScanned, snaplenBytes, samples } = asked;
    const request = packetRequest(
      PacketQuery.parse({ filter, since, until, agent, timeoutMs, maxScanned }),
      'rows',
      nowMs,
    );
    const against = asked.against === undefined ? undefined : this.#version(asked.against);
    const { sinceNs, untilNs, predicateOf } = request;
    const scan = new BacktestScan({
      ...{ sinceNs, untilNs, predicateOf, snaplenBytes, samples },
      against: against && { version: against.version, predicateOf: predicatesOf(against.expression) },
    });
    // All of the range: what the candidate does not match is asked about, too.
    const query = { ...sectionQuery(request, 'newest'), test: undefined };
    const release = this.#slots.take();
    const budget = new ScanBudget({ ...request.budget, signal });
    try {
      for await (const section of budget.within((ends) => this.source.sections(query, ends), scan)) scan.add(section);
    } finally {
      budget.clear();
      release();
    }
    const { stoppedBy } = budget;
    const losses = await this.ledger.losses({ sinceNs, untilNs: untilNs - 1n, agent });
    const rangeScanned = stoppedBy === undefined;
    return {
      filter,
      ...(against === undefined ? {} : { against }),
      ...scan.result,
      completeness: {
        ...scan.counts,
        sectionsPruned: 0,
        ...losses,
        rangeScanned,
        ...(rangeScanned ? {} : { stoppedBy }),
      },
    };
  }

  #version(label: string): NonNullable<Backtest['against']> {
    const known = this.versions.versionNamed(label);
    if (known) return { version: `${known.filter}@${known.version}`, expression: known.expression };
    // Packets of a version that the registry has forgotten may still be there.
    if (/^[a-z][a-z0-9-]{0,62}@[1-9]\d{0,8}$/.test(label)) return { version: label };
    throw new BpfleetError('NOT_FOUND', `there is no filter "${label}"`, {
      hint: 'name a filter, or one version of it: web@3',
    });
  }
}
