import { MINUTE_NS } from '@bpfleet/store';

/**
 * Tells which minute a time of two words is in. Mostly the one before's, which two comparisons tell; only another minute
 * costs a bigint.
 */
export class MinuteClock {
  /** Minutes since 1970. */
  minute = -1;
  #beginHigh = 0;
  #beginLow = 0;
  /** Not included. */
  #endHigh = 0;
  #endLow = 0;

  /** @returns whether it is another one than the time before */
  isOther(high: number, low: number): boolean {
    const isBefore = high < this.#beginHigh || (high === this.#beginHigh && low < this.#beginLow);
    const isBehind = high > this.#endHigh || (high === this.#endHigh && low >= this.#endLow);
    if (!isBefore && !isBehind) return false;
    this.#set((((BigInt(high) << 32n) | BigInt(low)) / MINUTE_NS) * MINUTE_NS);
    return true;
  }

  #set(beginNs: bigint): void {
    const endNs = beginNs + MINUTE_NS;
    this.minute = Number(beginNs / MINUTE_NS);
    this.#beginHigh = Number(beginNs >> 32n);
    this.#beginLow = Number(beginNs & 0xffff_ffffn);
    this.#endHigh = Number(endNs >> 32n);
    this.#endLow = Number(endNs & 0xffff_ffffn);
  }
}
