import { type BudgetStep, budgetSteps } from '../capture/attribution/budget.js';

/** What the agent may take of its host. */
export interface HostBudget {
  /** Of one core, all its processes and threads. */
  readonly cpuPercent: number;
  /** Resident, rings apart. */
  readonly memoryBytes: number;
}

export interface HostUsage {
  readonly cpuPercent: number;
  readonly memoryBytes: number;
}

/** So many seconds over the budget take it a step down: a burst is no habit. */
const SECONDS_OVER = 3;
/** So many below what is comfortable take it a step up again. */
const SECONDS_CALM = 10;
const COMFORTABLE = 0.7;

/**
 * Keeps the agent within its budget by keeping less of the packets, step by step and for all filters alike: `headers`,
 * `sampled`, `paused`. Fed once a second.
 */
export class Throttle {
  #step = 0;
  #over = 0;
  #calm = 0;

  constructor(public budget: HostBudget) {}

  get step(): BudgetStep {
    return budgetSteps[this.#step]!;
  }

  /** @returns whether the step is another one now */
  second({ cpuPercent, memoryBytes }: HostUsage): boolean {
    const share = Math.max(cpuPercent / this.budget.cpuPercent, memoryBytes / this.budget.memoryBytes);
    this.#over = share > 1 ? this.#over + 1 : 0;
    this.#calm = share < COMFORTABLE ? this.#calm + 1 : 0;
    const before = this.#step;
    if (this.#over >= SECONDS_OVER) this.#move(1);
    else if (this.#calm >= SECONDS_CALM) this.#move(-1);
    return this.#step !== before;
  }

  #move(by: number): void {
    this.#step = Math.min(Math.max(this.#step + by, 0), budgetSteps.length - 1);
    this.#over = 0;
    this.#calm = 0;
  }
}
