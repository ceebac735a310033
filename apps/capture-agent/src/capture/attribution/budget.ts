/** How much of a filter's packets is kept, from most to least (design: "Attribution"). */
export const budgetSteps = ['full', 'headers', 'sampled', 'paused'] as const;
export type BudgetStep = (typeof budgetSteps)[number];

export interface BudgetLimits {
  /** 0: no limit. */
  readonly packetsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** What is kept of a packet from `headers` on: an IPv6 header, TCP with options, and what is below. */
export const HEADER_BYTES = 128;
/** One of so many packets is kept at `sampled`. */
export const SAMPLED_WEIGHT = 16;
const WINDOW_MS = 1000;
/** A filter must stay below half of its budget for so many windows before it gets a step back. */
const CALM_WINDOWS = 5;

/**
 * What one filter may take per second, on all interfaces together. Within a second it ends at the limit, whatever comes;
 * a second that reached it takes the filter one step down for the next ones, calm ones take it up again.
 */
export class Budget {
  #step = 0;
  #packets = 0;
  #bytes = 0;
  #windowStartedMs = Number.NEGATIVE_INFINITY;
  #isSpent = false;
  #calmWindows = 0;
  /** Packets that were sampled out since one was kept. */
  #sampledOut = 0;
  /** The least that is asked for from outside: of the agent's own CPU budget. */
  #floor = 0;
  readonly #hasNoLimits: boolean;

  constructor(private readonly limits: BudgetLimits) {
    this.#hasNoLimits = limits.packetsPerSecond === 0 && limits.bytesPerSecond === 0;
  }

  get step(): BudgetStep {
    return budgetSteps[Math.max(this.#step, this.#floor)]!;
  }

  /** At most so many bytes of a packet are kept. */
  get snaplenLimitBytes(): number {
    return this.step === 'full' ? Number.POSITIVE_INFINITY : HEADER_BYTES;
  }

  get weight(): number {
    return this.step === 'sampled' ? SAMPLED_WEIGHT : 1;
  }

  /** Nothing is counted against it, and nothing is left out. */
  get isUnlimited(): boolean {
    return this.#hasNoLimits && this.#step === 0 && this.#floor === 0;
  }

  /** Asks for at least this step, whatever the filter takes. */
  limitTo(step: BudgetStep): void {
    this.#floor = budgetSteps.indexOf(step);
  }

  /** Of `weight` packets one is kept, on all interfaces together and whatever is attached meanwhile: whether it is this one. */
  isTurnOf(weight: number): boolean {
    if (weight > 1 && ++this.#sampledOut < weight) return false;
    this.#sampledOut = 0;
    return true;
  }

  /** Takes a packet of so many kept bytes out of the second's budget; false: there is none left. */
  take(bytes: number): boolean {
    // That the agent pauses all says nothing of this filter.
    if (this.#floor === PAUSED) return false;
    if (this.#isSpent || this.#step === PAUSED) {
      this.#isSpent = true;
      return false;
    }
    const { packetsPerSecond, bytesPerSecond } = this.limits;
    this.#packets++;
    this.#bytes += bytes;
    const isOver =
      (packetsPerSecond > 0 && this.#packets > packetsPerSecond) ||
      (bytesPerSecond > 0 && this.#bytes > bytesPerSecond);
    if (isOver) this.#isSpent = true;
    return !isOver;
  }

  /** Takes bytes that come beside packets out of the second's budget. */
  spend(bytes: number): void {
    this.#bytes += bytes;
    if (this.limits.bytesPerSecond > 0 && this.#bytes > this.limits.bytesPerSecond) this.#isSpent = true;
  }

  /**
   * Begins the next second when this one is over. Called between packets.
   * @param nowMs a monotonic clock
   * @returns whether `step` is another one now
   */
  turn(nowMs: number): boolean {
    if (nowMs - this.#windowStartedMs < WINDOW_MS) return false;
    const before = this.step;
    if (this.#floor < PAUSED) this.#judgeWindow();
    this.#windowStartedMs = nowMs;
    this.#packets = 0;
    this.#bytes = 0;
    this.#isSpent = false;
    return this.step !== before;
  }

  #judgeWindow(): void {
    // After a pause nothing tells how much would come: try again one step above it.
    if (this.#step === PAUSED) this.#step = PAUSED - 1;
    else if (this.#isSpent) this.#step = Math.min(this.#step + 1, PAUSED);
    else if (this.#isCalm()) this.#calm();
    else this.#calmWindows = 0;
    if (this.#isSpent) this.#calmWindows = 0;
  }

  #isCalm(): boolean {
    const { packetsPerSecond, bytesPerSecond } = this.limits;
    return this.#packets * 2 <= (packetsPerSecond || Infinity) && this.#bytes * 2 <= (bytesPerSecond || Infinity);
  }

  #calm(): void {
    if (this.#step === 0 || ++this.#calmWindows < CALM_WINDOWS) return;
    this.#calmWindows = 0;
    this.#step--;
  }
}

const PAUSED = budgetSteps.indexOf('paused');
