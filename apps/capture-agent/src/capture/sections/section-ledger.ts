import { canonicalLedger, ledgerMemberBytes } from '@bpfleet/section';
import type { MemberCounters } from '../attribution/attributed-member.js';
import type { MemberSet } from '../attribution/member-set.js';

/** Counters of the agent since its epoch began, and what is known of the time before. */
export interface LedgerTotals {
  /** Of all sockets, closed ones included. */
  readonly kernelPassed: number;
  readonly kernelDropped: number;
  /** Read from the rings. */
  readonly taken: number;
  /** By filters' sampling and budgets, each filter by itself; missing: by none. */
  readonly sampledOut?: number;
  readonly overBudget?: number;
  /** What else is known: of the spool, of the epoch before. */
  readonly more?: Readonly<Record<string, string>>;
}

/** How often the ledger tells of each version. */
const VERSIONS_INTERVAL_MS = 1000;

/**
 * The ledgers of sections: totals, and the counters of versions that the section holds packets of. All are cumulative, so a
 * section that is lost is counted by the next one. With fifty filters their counters would be a tenth of every section, so not
 * all sections have them; of a thousand a section has those that fit, and the next ones have the others.
 */
export class SectionLedger {
  #versionsAtMs = Number.NEGATIVE_INFINITY;

  /** @param roomBytes its JSON is never longer */
  constructor(private readonly roomBytes: number) {}

  /**
   * @param kept packets in this section and those before it: what was taken and not sampled out or over a budget
   * @param nowMs a monotonic clock
   */
  of(totals: LedgerTotals, kept: number, sets: readonly MemberSet[], nowMs: number): Record<string, string> {
    const ledger: Record<string, string> = {
      'kernel-passed': String(totals.kernelPassed),
      'kernel-dropped': String(totals.kernelDropped),
      captured: String(totals.taken),
      kept: String(kept),
      'sampled-out': String(totals.sampledOut ?? 0),
      'over-budget': String(totals.overBudget ?? 0),
      ...totals.more,
    };
    if (nowMs - this.#versionsAtMs < VERSIONS_INTERVAL_MS) return ledger;
    if (this.#tellVersions(ledger, sets, nowMs)) this.#versionsAtMs = nowMs;
    return ledger;
  }

  /** Those first that were told of longest ago. @returns whether all of them have been told of now */
  #tellVersions(ledger: Record<string, string>, sets: readonly MemberSet[], nowMs: number): boolean {
    const members = [...new Set(sets.flatMap((set) => set.members))];
    const due = members.filter(({ toldAtMs }) => nowMs - toldAtMs >= VERSIONS_INTERVAL_MS);
    let bytes = canonicalLedger(ledger).length;
    for (const member of due.sort((one, other) => one.toldAtMs - other.toldAtMs || one.number - other.number)) {
      const row = rowOf(member.counters);
      bytes += ledgerMemberBytes(member.version, row);
      if (bytes > this.roomBytes) return false;
      ledger[member.version] = row;
      member.toldAtMs = nowMs;
    }
    return true;
  }
}

const rowOf = ({ matched, stored, storedBytes, truncated, sampledOut, budgetDropped }: MemberCounters): string =>
  [matched, stored, storedBytes, truncated, sampledOut, budgetDropped].join(' ');
