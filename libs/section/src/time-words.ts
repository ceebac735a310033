const WORD = 2 ** 32;

/** A 64-bit count of nanoseconds as the two words of an EPB. Reused: one per writer, so that no packet allocates. */
export class TimeWords {
  high = 0;
  low = 0;

  /**
   * `seconds * 10^9 + nanoseconds` without BigInt. Seconds are split at 16 bits, so that each product stays below
   * 2^53 and is exact.
   */
  set(seconds: number, nanoseconds: number): void {
    const upper = Math.floor(seconds / 65_536) * 1e9;
    const lower = (upper % 65_536) * 65_536 + (seconds % 65_536) * 1e9 + nanoseconds;
    this.high = Math.floor(upper / 65_536) + Math.floor(lower / WORD);
    this.low = lower % WORD;
  }
}

export const nsOfWords = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low);

export const nsOfTimespec = (seconds: number, nanoseconds: number): bigint =>
  BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
