import { type BudgetStep, budgetSteps } from '../capture/attribution/budget.js';
import { MemorySteps } from './memory-steps.js';

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

/** What there is too much of, and whether keeping less of the packets does not help. */
export interface Excess {
  readonly of: 'cpu' | 'memory';
  readonly isInVain: boolean;
}

/** So many seconds over the budget take it a step down: a burst is no habit. */
const SECONDS_OVER = 3;
/** So many below what is comfortable take it a step up again. */
const SECONDS_CALM = 10;
/**
 * While nothing is read it is always calm, and the rings are full when reading begins again: each pause that did not help lasts
 * twice as long as the one before, at most so long.
 */
const LONGEST_PAUSE_SECONDS = 120;
const COMFORTABLE = 0.7;

/**
 * Keeps the agent within its budget by keeping less of the packets, step by step and for all filters alike: `headers`,
 * `sampled`, `paused`. Memory has steps of its own; the lower one of both counts. Fed once a second.
 */
export class Throttle {
  readonly #memory = new MemorySteps();
  #step = 0;
  #over = 0;
  #calm = 0;
  /** Of the next pause by CPU, or the one that is on. */
  #pauseSeconds = SECONDS_CALM;

  constructor(public budget: HostBudget) {}

  get step(): BudgetStep {
    return budgetSteps[Math.max(this.#step, budgetSteps.indexOf(this.#memory.step))]!;
  }

  /** Why filters keep less, or why they should; undefined while the agent is within its budget. */
  get excess(): Excess | undefined {
    if (this.#memory.isInTrouble) return { of: 'memory', isInVain: this.#memory.isInVain };
    return this.#step > 0 ? { of: 'cpu', isInVain: false } : undefined;
  }

  /** @returns whether the step is another one now, and whether garbage is to be collected */
  second({ cpuPercent, memoryBytes }: HostUsage): { readonly hasStepped: boolean; readonly collect: boolean } {
    const before = this.step;
    const collect = this.#memory.second(memoryBytes, this.budget.memoryBytes);
    this.#secondOfCpu(cpuPercent / this.budget.cpuPercent);
    return { hasStepped: this.step !== before, collect };
  }

  #secondOfCpu(share: number): void {
    this.#over = share > 1 ? this.#over + 1 : 0;
    this.#calm = share < COMFORTABLE ? this.#calm + 1 : 0;
    if (this.#over >= SECONDS_OVER) this.#move(1);
    else if (this.#calm >= (this.#step === PAUSED ? this.#pauseSeconds : SECONDS_CALM)) this.#move(-1);
  }

  #move(by: number): void {
    const before = this.#step;
    this.#step = Math.min(Math.max(before + by, 0), PAUSED);
    this.#over = 0;
    this.#calm = 0;
    if (this.#step < before && before === PAUSED)
      this.#pauseSeconds = Math.min(2 * this.#pauseSeconds, LONGEST_PAUSE_SECONDS);
    if (this.#step === 0) this.#pauseSeconds = SECONDS_CALM;
  }
}

const PAUSED = budgetSteps.indexOf('paused');
