import type { MemberSet } from '../attribution/member-set.js';

/** Counters of the agent since its epoch began, and what is known of the time before. */
export interface LedgerTotals {
  /** Of all sockets, closed ones included. */
  readonly kernelPassed: number;
  readonly kernelDropped: number;
  /** Read from the rings. */
  readonly taken: number;
  /** What else is known: of the spool, of the epoch before. */
  readonly more?: Readonly<Record<string, string>>;
}

/**
 * The ledger of one section: totals, and the counters of the versions that it holds packets of, if they are due. All are
 * cumulative, so a section that is lost is counted by the next one.
 * @param kept packets in this section and those before it: what was taken and not sampled out or over a budget
 */
export function sectionLedger(
  totals: LedgerTotals,
  kept: number,
  sets: readonly MemberSet[],
  withVersions: boolean,
): Record<string, string> {
  const ledger: Record<string, string> = {
    'kernel-passed': String(totals.kernelPassed),
    'kernel-dropped': String(totals.kernelDropped),
    captured: String(totals.taken),
    kept: String(kept),
    ...totals.more,
  };
  if (!withVersions) return ledger;
  for (const set of sets) {
    for (const { version, counters } of set.members) {
      const { matched, stored, storedBytes, truncated, sampledOut, budgetDropped } = counters;
      ledger[version] = [matched, stored, storedBytes, truncated, sampledOut, budgetDropped].join(' ');
    }
  }
  return ledger;
}
