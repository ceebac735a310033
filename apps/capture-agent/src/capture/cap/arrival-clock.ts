/**
 * The system's clock in microseconds: `Date.now()` tells whole milliseconds and is set now and then, the monotonic clock tells
 * how they pass.
 */
export function arrivalClock(wallMs = Date.now, monotonicMs = () => performance.now()): () => number {
  let offsetMs = wallMs() - monotonicMs();
  return () => {
    const wall = wallMs();
    const within = Math.min(Math.max(monotonicMs() + offsetMs - wall, 0), LAST_OF_MS);
    offsetMs = wall + within - monotonicMs();
    return wall * 1000 + Math.floor(within * 1000);
  };
}

const LAST_OF_MS = 0.999;
