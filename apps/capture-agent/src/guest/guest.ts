import type { AgentStatus } from '@bpfleet/contract';
import type { Logger } from 'pino';
import type { BudgetStep } from '../capture/attribution/budget.js';
import { collectGarbage } from './collect-garbage.js';
import { GrownGarbage } from './grown-garbage.js';
import { type HostBudget, type HostUsage, Throttle } from './throttle.js';
import { UsageMeter } from './usage-meter.js';

const INTERVAL_MS = 1000;
const MIB = 1024 * 1024;

/** Whoever captures: keeps less of the packets, and frees what it can do without. */
export interface Throttled {
  throttle(step: BudgetStep): void;
  collect(): void;
}

/** Looks once a second at what the agent takes of its host, and throttles it when that is too much. */
export class Guest {
  readonly #meter: UsageMeter;
  readonly #throttle: Throttle;
  readonly #garbage = new GrownGarbage();
  #timer: NodeJS.Timeout | undefined;
  #usage: HostUsage = { cpuPercent: 0, memoryBytes: 0 };

  constructor(
    budget: HostBudget,
    openerPid: number | undefined,
    private readonly ringBytes: () => number,
    private readonly logger: Logger,
    private readonly captures: Throttled,
    /** What `errors` says has changed. */
    private readonly onChange: () => void,
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

  /** How little filters may keep. */
  get step(): BudgetStep {
    return this.#throttle.step;
  }

  /** What is not kept because the agent takes too much of its host, and what to do; empty within its budget. */
  get errors(): AgentStatus['errors'] {
    const { excess, step, budget } = this.#throttle;
    if (excess === undefined) return [];
    const isOfCpu = excess.of === 'cpu';
    const kept = step === 'full' ? 'packets are kept all the same' : `filters keep ${KEPT[step]}`;
    const took = isOfCpu
      ? `${Math.round(this.#usage.cpuPercent)} % of a core, of ${budget.cpuPercent}`
      : `${mib(this.#usage.memoryBytes)} MiB of memory, of ${mib(budget.memoryBytes)}`;
    const why = excess.isInVain ? ', and keeping less of the packets frees none of it' : '';
    const advice = `run fewer filters, or raise ${isOfCpu ? 'BPFLEET_AGENT_CPU_PERCENT' : 'BPFLEET_AGENT_MEMORY_BYTES'}`;
    const message = `the agent took ${took}${why}: ${kept}; ${advice}`;
    return [{ code: 'OVER_BUDGET', message, at: new Date().toISOString() }];
  }

  #second(): void {
    const before = JSON.stringify(this.#throttle.excess);
    const usage = this.#meter.read(this.ringBytes());
    this.#usage = usage;
    const { hasStepped, collect } = this.#throttle.second(usage);
    if (collect) this.#garbage.collected();
    if (collect || this.#garbage.second(usage.memoryBytes)) {
      collectGarbage();
      this.captures.collect();
    }
    if (hasStepped) this.#stepped(usage);
    if (hasStepped || JSON.stringify(this.#throttle.excess) !== before) this.onChange();
  }

  #stepped(usage: HostUsage): void {
    const { step, budget } = this.#throttle;
    // Not as a word of its own, which would be another cause: of what goes to and fro within a minute the log tells the first, and the last.
    this.logger.warn(
      { usage, budget: { ...budget, step } },
      'all filters keep another part of their packets, by the agent’s own budget',
    );
    this.captures.throttle(step);
  }
}

const mib = (bytes: number): number => Math.round(bytes / MIB);

const KEPT: Readonly<Record<BudgetStep, string>> = {
  full: 'all',
  headers: 'headers alone',
  sampled: 'one packet of 16',
  paused: 'no packets',
};
