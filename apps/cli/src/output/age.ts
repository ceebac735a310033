const steps: readonly (readonly [unit: string, ms: number])[] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
];

/** How long ago an ISO 8601 instant was, in its largest unit: `12s`, `3m`, `2d`. */
export function age(instant: string, nowMs: number): string {
  const agoMs = nowMs - Date.parse(instant);
  // The other machine's clock may be ahead of ours.
  if (agoMs < 1000) return '0s';
  for (const [unit, ms] of steps) if (agoMs >= ms) return `${Math.floor(agoMs / ms)}${unit}`;
  return '?';
}
