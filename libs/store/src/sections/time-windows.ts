import type { SectionOrder } from './section-query.js';

/** Of what sections are ordered by, Unix ns; `from` belongs to it where another window ended there, `to` does not. Undefined: no bound. */
export interface TimeWindow {
  readonly fromNs?: bigint | undefined;
  readonly toNs?: bigint | undefined;
}

/** From one end of time to the other, each as long as the one before, or longer. */
export class TimeWindows {
  readonly #sign: bigint;
  #fromNs: bigint | undefined;
  #toNs: bigint | undefined;
  #isThrough = false;

  /**
   * @param firstToNs where the first ends, which has no beginning; undefined: it has no end either
   * @param endNs nothing is asked for behind it
   */
  constructor(
    order: SectionOrder,
    firstToNs: bigint | undefined,
    private readonly endNs: bigint,
    private lengthNs: bigint,
  ) {
    this.#sign = order === 'newest' ? -1n : 1n;
    this.#toNs = firstToNs;
  }

  /** @param growth so many times as long as the one before */
  next(growth: bigint): TimeWindow | undefined {
    if (this.#isThrough) return undefined;
    if (this.#fromNs !== undefined) {
      this.lengthNs *= growth;
      this.#toNs = this.#fromNs + this.#sign * this.lengthNs;
    }
    const toNs = this.#toNs;
    this.#isThrough = toNs === undefined || this.#sign * (toNs - this.endNs) > 0n;
    const window = { fromNs: this.#fromNs, toNs: this.#isThrough ? undefined : toNs };
    this.#fromNs = toNs;
    return window;
  }
}
