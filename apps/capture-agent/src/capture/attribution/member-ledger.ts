import type { CaptureMember } from '../../border/opener-port.js';
import { type AttributedMember, type MemberCounters, noCounts } from './attributed-member.js';
import type { MemberAccounts } from './attribution.js';
import { Budget, type BudgetStep } from './budget.js';
import { Classifiers } from './classifiers.js';
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

/** Of versions and interfaces that have left: half of what a status shows. Containers come and go for months, versions too. */
export const MOST_ROWS_LEFT = 2048;
/** Of versions whose interfaces are not told apart any more. */
export const MOST_ROWS_GONE = 512;
/** In place of the names of those that left first. */
export const GONE = 'gone';

/** Counters of every version on every interface, and the budget of every filter: they outlive swaps and sockets. */
export class MemberLedger {
  readonly #counters = new Map<string, Row>();
  /** Rows that have ended, and those of versions on interfaces that are gone; who left first stands first. */
  readonly #ended = new Map<string, Row>();
  readonly #gone = new Map<string, Row>();
  /** By filter and limits; of one filter the newest is last: while a swap waits for its cut, members before it have theirs. */
  readonly #budgets = new Map<string, { readonly filter: string; readonly budget: Budget }>();
  readonly #sets = new MemberSets();
  readonly #classifiers = new Classifiers();
  #throttle: BudgetStep = 'full';

  accountsOn(device: string): MemberAccounts {
    return {
      sets: this.#sets,
      classifiers: this.#classifiers,
      countersOf: (member) => this.#countersOf(member, device),
      budgetOf: (member) => this.#budgetOf(member),
    };
  }

  /**
   * These members run, or will; others have ended, until they come again. Totals never go back, so what is forgotten of those
   * is their names alone.
   */
  runs(members: readonly Pick<AttributedMember, 'counters' | 'budget'>[]): void {
    const running = new Set(members.map(({ counters }) => counters));
    const taken = new Set(members.map(({ budget }) => budget));
    for (const [key, row] of this.#counters) {
      if (running.has(row.counters)) this.#ended.delete(key);
      else if (row.interface !== GONE && !this.#ended.has(key)) this.#ended.set(key, row);
    }
    for (const [key, { budget }] of this.#budgets) if (!taken.has(budget)) this.#budgets.delete(key);
    while (this.#ended.size > MOST_ROWS_LEFT) this.#forget(...first(this.#ended));
  }

  /** Begins the next second of every budget whose second is over. */
  turn(nowMs: number): StepChange[] {
    const changes: StepChange[] = [];
    for (const { filter, budget } of this.#budgets.values()) {
      if (budget.turn(nowMs)) changes.push({ filter, step: budget.step });
    }
    // What is kept of a packet, and for how many it stands, is another set's from here on.
    if (changes.length > 0) this.#sets.forget();
    return changes;
  }

  /** The agent's own budget is spent: every filter goes at least to this step. */
  throttle(step: BudgetStep): void {
    this.#throttle = step;
    for (const { budget } of this.#budgets.values()) budget.limitTo(step);
    this.#sets.forget();
  }

  /** Sets that come again are made again. */
  forgetSets(): void {
    this.#sets.forget();
  }

  versions(): (MemberCounters & { version: string; interface: string; step: BudgetStep })[] {
    const steps = new Map([...this.#budgets.values()].map(({ filter, budget }) => [filter, budget.step]));
    return [...this.#counters.values()].map(({ version, filter, interface: device, counters }) => ({
      version,
      interface: device,
      step: steps.get(filter) ?? 'full',
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
    const version = `${filter}@${number}`;
    // Nobody forgets it meanwhile.
    this.#ended.delete(keyOf(version, device));
    return this.#row(filter, version, device).counters;
  }

  #row(filter: string, version: string, device: string): Row {
    const key = keyOf(version, device);
    let known = this.#counters.get(key);
    if (known === undefined) {
      known = { version, filter, interface: device, counters: noCounts() };
      this.#counters.set(key, known);
    }
    return known;
  }

  /** Of one that ended, its interface; later its version, too. */
  #forget(key: string, { filter, version, counters }: Row): void {
    this.#ended.delete(key);
    this.#counters.delete(key);
    const goneKey = keyOf(version, GONE);
    const gone = this.#row(filter, version, GONE);
    add(gone.counters, counters);
    this.#gone.delete(goneKey);
    this.#gone.set(goneKey, gone);
    if (this.#gone.size <= MOST_ROWS_GONE) return;
    const [oldest, row] = first(this.#gone);
    this.#gone.delete(oldest);
    this.#counters.delete(oldest);
    add(this.#row(GONE, GONE, GONE).counters, row.counters);
  }

  /** A version with other limits begins with a budget of its own; otherwise it goes on with the one of the version before. */
  #budgetOf({ filter, budget: limits }: CaptureMember): Budget {
    const key = `${filter} ${limits.packetsPerSecond} ${limits.bytesPerSecond}`;
    const known = this.#budgets.get(key);
    if (known !== undefined) return known.budget;
    const budget = new Budget(limits);
    budget.limitTo(this.#throttle);
    this.#budgets.set(key, { filter, budget });
    return budget;
  }
}

const keyOf = (version: string, device: string): string => `${version} ${device}`;

const first = <Value>(map: ReadonlyMap<string, Value>): [string, Value] => map.entries().next().value!;

function add(sum: MemberCounters, counters: MemberCounters): void {
  for (const name of Object.keys(counters) as (keyof MemberCounters)[]) sum[name] += counters[name];
}
