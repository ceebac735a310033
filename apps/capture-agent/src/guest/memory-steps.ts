import { type BudgetStep, budgetSteps } from '../capture/attribution/budget.js';

/** From here on what nobody needs is looked for and freed: V8 keeps garbage as long as there is room for it. */
const COLLECT_ABOVE = 0.7;
/** Not more often, since it marks all objects; but where it is over its budget. */
const COLLECT_SECONDS = 10;
const COLLECT_SECONDS_OVER = 2;
/** So many seconds over the budget, with a collection among them, take it a step down; and so long a step has to show. */
const SECONDS_OVER = 3;
const SECONDS_TO_SHOW = 10;
/** So many below this share take it a step up again, or so many within the budget. */
const SECONDS_CALM = 10;
const COMFORTABLE = 0.9;
const SECONDS_WITHIN = 60;
/** By how much of the budget memory must fall, or grow, to have changed. */
const CHANGE = 0.05;
/** So long after steps were in vain they are not tried again, but where it has grown by so much: filters that roll out make it grow. */
const SECONDS_IN_VAIN = 300;
const GROWN_MUCH = 0.5;

/**
 * Keeps the agent's memory within its budget. First it has garbage collected. If it is over all the same, filters keep less, step by
 * step, since packets that nobody sends yet may be what it is full of. If even a pause frees nothing more, it is not: then packets
 * are kept again, and only the status tells.
 */
export class MemorySteps {
  #step = 0;
  #seconds = 0;
  #collectedAt = Number.NEGATIVE_INFINITY;
  /** What it took after that. */
  #leftBytes = 0;
  #over = 0;
  #calm = 0;
  #within = 0;
  #steppedAt = 0;
  /** What it took when the last step was taken, or had shown something. */
  #bytesBefore = 0;
  /** What it took when steps were given up; undefined: they were not. */
  #inVainBytes: number | undefined;
  #isOver = false;

  get step(): BudgetStep {
    return budgetSteps[this.#step]!;
  }

  /** Whether it is over its budget, or keeps less because it was. */
  get isInTrouble(): boolean {
    return this.#isOver || this.#step > 0;
  }

  /** Whether it is over its budget and no step helps. */
  get isInVain(): boolean {
    return this.#inVainBytes !== undefined;
  }

  /** Called once a second. @returns whether garbage is to be collected now */
  second(bytes: number, budgetBytes: number): boolean {
    const share = bytes / budgetBytes;
    this.#seconds++;
    this.#over = share > 1 ? this.#over + 1 : 0;
    this.#within = share > 1 ? 0 : this.#within + 1;
    this.#calm = share < COMFORTABLE ? this.#calm + 1 : 0;
    if (this.#collects(bytes, budgetBytes)) return true;
    const isCalm = this.#calm >= SECONDS_CALM || this.#within >= SECONDS_WITHIN;
    this.#isOver = this.#isOver ? !isCalm : this.#over >= SECONDS_OVER;
    // Only what is left after a collection says that steps are needed.
    if (this.#isOver && this.#over > 0 && !this.#hasGrown(bytes, budgetBytes)) this.#whileOver(bytes, budgetBytes);
    else if (isCalm) this.#whenCalm();
    return false;
  }

  #collects(bytes: number, budgetBytes: number): boolean {
    const seconds = this.#seconds - this.#collectedAt;
    if (seconds === 1) this.#leftBytes = bytes;
    const isDue = seconds >= (bytes > budgetBytes ? COLLECT_SECONDS_OVER : COLLECT_SECONDS);
    if (!isDue || bytes <= budgetBytes * COLLECT_ABOVE || !this.#hasGrown(bytes, budgetBytes)) return false;
    this.#collectedAt = this.#seconds;
    return true;
  }

  /** There may be garbage again. */
  #hasGrown(bytes: number, budgetBytes: number): boolean {
    return bytes > this.#leftBytes + budgetBytes * CHANGE;
  }

  #whileOver(bytes: number, budgetBytes: number): void {
    const change = budgetBytes * CHANGE;
    if (this.#inVainBytes !== undefined) {
      const isOften = this.#seconds - this.#steppedAt < SECONDS_IN_VAIN;
      if (bytes < this.#inVainBytes + (isOften ? budgetBytes * GROWN_MUCH : 2 * change)) return;
      this.#inVainBytes = undefined;
    }
    if (this.#step > 0 && this.#seconds - this.#steppedAt < SECONDS_TO_SHOW) return;
    if (this.#step < budgetSteps.length - 1) this.#move(1);
    else if (bytes > this.#bytesBefore - change) {
      this.#inVainBytes = bytes;
      this.#move(-this.#step);
    } else this.#move(0);
    this.#bytesBefore = bytes;
  }

  #whenCalm(): void {
    this.#inVainBytes = undefined;
    this.#calm = 0;
    this.#within = 0;
    if (this.#step > 0) this.#move(-1);
  }

  #move(by: number): void {
    this.#step += by;
    this.#steppedAt = this.#seconds;
  }
}
