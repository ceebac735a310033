import type { Logger } from 'pino';
import type { BudgetStep } from '../capture/attribution/budget.js';
import { type HostBudget, Throttle } from './throttle.js';
import { UsageMeter } from './usage-meter.js';

const INTERVAL_MS = 1000;

/** Looks once a second at what the agent takes of its host, and throttles it when that is too much. */
export class Guest {
  readonly #meter: UsageMeter;
  readonly #throttle: Throttle;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    budget: HostBudget,
    openerPid: number | undefined,
    private readonly ringBytes: () => number,
    private readonly logger: Logger,
    private readonly onStep: (step: BudgetStep) => void,
  ) {
    this.#meter = new UsageMeter(openerPid);
    this.#throttle = new Throttle(budget);
  }

  start(): void {
    this.#timer = setInterval(() => this.#second(), INTERVAL_MS).unref();
  }

  /** The service's wish; what it leaves out is as configured. */
  set budget(budget: HostBudget) {
    this.#throttle.budget = budget;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #second(): void {
    const usage = this.#meter.read(this.ringBytes());
    if (!this.#throttle.second(usage)) return;
    const { step, budget } = this.#throttle;
    this.logger.warn(
      { step, usage, budget },
      'all filters keep another part of their packets, by the agent’s own budget',
    );
    this.onStep(step);
  }
}
