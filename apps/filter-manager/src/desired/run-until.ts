const HOUR_MS = 3_600_000;
/** What agents run is prolonged after a quarter of its time: whoever is away for three quarters of it runs on. */
const PERIODS = 4;
const MAX_LOOK_INTERVAL_MS = 10_000;

/** How often to look whether it is another time now. */
export const lookIntervalMs = (runHours: number): number =>
  runHours === 0 ? MAX_LOOK_INTERVAL_MS : Math.min((runHours * HOUR_MS) / PERIODS / 2, MAX_LOOK_INTERVAL_MS);

/**
 * Until when agents run what they are told now: at least `runHours` from now, and the same for a quarter of that time,
 * so that every replica and every restart says the same.
 * @returns ISO 8601; undefined: for ever
 */
export function runUntil(runHours: number, nowMs: number): string | undefined {
  if (runHours === 0) return undefined;
  const periodMs = (runHours * HOUR_MS) / PERIODS;
  const period = Math.floor(nowMs / periodMs);
  return new Date(Math.round((period + 1 + PERIODS) * periodMs)).toISOString();
}
