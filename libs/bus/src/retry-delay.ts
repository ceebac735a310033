/** How long to wait after failures in a row: doubles from `firstMs` up to `maxMs`. */
export interface RetryDelay {
  readonly firstMs: number;
  readonly maxMs: number;
}

export const defaultRetryDelay: RetryDelay = { firstMs: 100, maxMs: 5_000 };

/** Counts failures in a row and waits longer after each. */
export class Retries {
  #failures = 0;

  constructor(private readonly delay: RetryDelay) {}

  succeeded(): void {
    this.#failures = 0;
  }

  /** As `wait`, but at once after the first of failures in a row. */
  async waitFromSecond(signal: AbortSignal): Promise<void> {
    if (this.#failures > 0) return this.wait(signal);
    this.#failures = 1;
  }

  /** Resolves when it is time to try again, or at once when `signal` aborts. */
  async wait(signal: AbortSignal): Promise<void> {
    const ms = Math.min(this.delay.firstMs * 2 ** this.#failures, this.delay.maxMs);
    this.#failures += 1;
    await pause(ms, signal);
  }
}

/** Resolves after `ms`, or at once when `signal` aborts; it never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
