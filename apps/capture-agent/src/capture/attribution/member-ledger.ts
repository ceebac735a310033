import type { CaptureMember } from '../../border/opener-port.js';
import { type MemberCounters, noCounts } from './attributed-member.js';
import type { MemberAccounts } from './attribution.js';
import { Budget, type BudgetStep } from './budget.js';
import { MemberSets } from './member-sets.js';

export interface StepChange {
  readonly filter: string;
  readonly step: BudgetStep;
}

interface Row {
  readonly version: string;
  readonly filter: string;
  readonly interface: string;
  readonly counters: MemberCounters;
}

/** Of interfaces that have left: half of what a status shows. Containers come and go for months. */
export const MOST_ROWS_LEFT = 2048;
/** In place of the names of those that left first. */
export const GONE = 'gone';

/** Counters of every version on every interface, and the budget of every filter: they outlive swaps and sockets. */
export class MemberLedger {
  readonly #counters = new Map<string, Row>();
  /** Interfaces that have left, and how many rows each has; who left first stands first. */
  readonly #left = new Map<string, number>();
  readonly #budgets = new Map<string, { readonly budget: Budget; readonly limits: string }>();
  readonly #sets = new MemberSets();
  #throttle: BudgetStep = 'full';

  accountsOn(device: string): MemberAccounts {
    this.#left.delete(device);
    return {
      sets: this.#sets,
      countersOf: (member) => this.#countersOf(member, device),
      budgetOf: (member) => this.#budgetOf(member),
    };
  }

  /** It has no packets any more; until it comes again. Totals never go back, so what is forgotten is its name alone. */
  left(device: string): void {
    this.#left.set(device, this.#rowsOf(device).length);
    const rows = (): number => [...this.#left.values()].reduce((sum, count) => sum + count, 0);
    while (rows() > MOST_ROWS_LEFT) this.#forget(this.#left.keys().next().value!);
  }

  /** Begins the next second of every budget whose second is over. */
  turn(nowMs: number): StepChange[] {
    const changes: StepChange[] = [];
    for (const [filter, { budget }] of this.#budgets) {
      if (budget.turn(nowMs)) changes.push({ filter, step: budget.step });
    }
    return changes;
  }

  /** The agent's own budget is spent: every filter goes at least to this step. */
  throttle(step: BudgetStep): StepChange[] {
    this.#throttle = step;
    const changes: StepChange[] = [];
    for (const [filter, { budget }] of this.#budgets) {
      const before = budget.step;
      budget.limitTo(step);
      if (budget.step !== before) changes.push({ filter, step: budget.step });
    }
    return changes;
  }

  versions(): (MemberCounters & { version: string; interface: string; step: BudgetStep })[] {
    return [...this.#counters.values()].map(({ version, filter, interface: device, counters }) => ({
      version,
      interface: device,
      step: this.#budgets.get(filter)!.budget.step,
      ...counters,
    }));
  }

  /** Of all versions on all interfaces. */
  leftOut(): { sampledOut: number; overBudget: number } {
    let [sampledOut, overBudget] = [0, 0];
    for (const { counters } of this.#counters.values()) {
      sampledOut += counters.sampledOut;
      overBudget += counters.budgetDropped;
    }
    return { sampledOut, overBudget };
  }

  #countersOf({ filter, version: number }: CaptureMember, device: string): MemberCounters {
    return this.#row(filter, `${filter}@${number}`, device).counters;
  }

  #row(filter: string, version: string, device: string): Row {
    const key = `${version} ${device}`;
    let known = this.#counters.get(key);
    if (known === undefined) {
      known = { version, filter, interface: device, counters: noCounts() };
      this.#counters.set(key, known);
    }
    return known;
  }

  #rowsOf(device: string): [string, Row][] {
    return [...this.#counters].filter(([, row]) => row.interface === device);
  }

  #forget(device: string): void {
    this.#left.delete(device);
    for (const [key, { filter, version, counters }] of this.#rowsOf(device)) {
      const sum = this.#row(filter, version, GONE).counters;
      for (const name of Object.keys(counters) as (keyof MemberCounters)[]) sum[name] += counters[name];
      this.#counters.delete(key);
    }
  }

  /** A version with other limits begins with a budget of its own; otherwise it goes on with the one of the version before. */
  #budgetOf({ filter, budget: limits }: CaptureMember): Budget {
    const text = JSON.stringify(limits);
    const known = this.#budgets.get(filter);
    if (known?.limits === text) return known.budget;
    const budget = new Budget(limits);
    budget.limitTo(this.#throttle);
    this.#budgets.set(filter, { budget, limits: text });
    return budget;
  }
}
