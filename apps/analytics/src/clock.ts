/** The time of day, as a part that a test can set. */
export abstract class Clock {
  /** Unix time. */
  abstract nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => Date.now() };
