const WORD = 2 ** 32;

/** A 64-bit count of nanoseconds as the two words of an EPB. Reused: one per writer, so that no packet allocates. */
export class TimeWords {
  high = 0;
  low = 0;
  /** The second that was split last, as words of ns. */
  #seconds = 0;
  #upper = 0;
  #lower = 0;

  /**
   * `seconds * 10^9 + nanoseconds` without BigInt. Seconds, 32 bits, are split at 16, so that each product stays below
   * 2^53 and is exact. Subtractions instead of `%`, which is a call into C for such numbers.
   */
  set(seconds: number, nanoseconds: number): void {
    if (seconds !== this.#seconds) this.#split(seconds);
    const lower = this.#lower + nanoseconds;
    const carry = lower >= WORD ? 1 : 0;
    this.high = this.#upper + carry;
    this.low = lower - carry * WORD;
  }

  /** Most packets come in the second of the one before. */
  #split(seconds: number): void {
    const upper = (seconds >>> 16) * 1e9;
    const upperHigh = Math.floor(upper / 65_536);
    const lower = (upper - upperHigh * 65_536) * 65_536 + (seconds & 0xffff) * 1e9;
    const carry = Math.floor(lower / WORD);
    this.#seconds = seconds;
    this.#upper = upperHigh + carry;
    this.#lower = lower - carry * WORD;
  }
}

export const nsOfWords = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);

export const nsOfTimespec = (seconds: number, nanoseconds: number): bigint =>
  BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
