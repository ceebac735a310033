import { expect } from 'vitest';

const LONG_ROUNDS = 20;
const IS_LONG = Number(process.env.BPFLEET_TEST_ROUNDS ?? 1) >= LONG_ROUNDS;
/** Of the rate that a row names. */
const LEAST = 0.8;

/** What is wrong with a run that was to show something at a rate. */
export const rateFault = (sentPerSecond: number, namedPerSecond: number): string | undefined =>
  // NaN: nothing was sent.
  sentPerSecond >= LEAST * namedPerSecond
    ? undefined
    : `the machine sent only ${sentPerSecond}/s of ${namedPerSecond}/s: measure again on a quiet one`;

/**
 * A measurement far below the rate that its row names is void. The test goes on, for what else it finds is found. The short
 * form runs on whatever machine, and nothing is said of its rates.
 */
export function expectRate(sentPerSecond: number, namedPerSecond: number, isLong = IS_LONG): void {
  if (isLong) expect.soft(rateFault(sentPerSecond, namedPerSecond)).toBeUndefined();
}
