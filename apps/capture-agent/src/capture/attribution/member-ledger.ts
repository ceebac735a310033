import type { CaptureMember } from '../../border/opener-port.js';
import { type MemberCounters, noCounts } from './attributed-member.js';
import type { MemberAccounts } from './attribution.js';
import { Budget, type BudgetStep } from './budget.js';

export interface StepChange {
  readonly filter: string;
  readonly step: BudgetStep;
}

/** Counters of every version on every interface, and the budget of every filter: they outlive swaps and sockets. */
export class MemberLedger {
  readonly #counters = new Map<
    string,
    { version: string; filter: string; interface: string; counters: MemberCounters }
  >();
  readonly #budgets = new Map<string, { readonly budget: Budget; readonly limits: string }>();
  #throttle: BudgetStep = 'full';

  accountsOn(device: string): MemberAccounts {
    return {
      countersOf: (member) => this.#countersOf(member, device),
      budgetOf: (member) => this.#budgetOf(member),
    };
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

  #countersOf(member: CaptureMember, device: string): MemberCounters {
    const version = `${member.filter}@${member.version}`;
    const key = `${version} ${device}`;
    let known = this.#counters.get(key);
    if (known === undefined) {
      known = { version, filter: member.filter, interface: device, counters: noCounts() };
      this.#counters.set(key, known);
    }
    return known.counters;
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
