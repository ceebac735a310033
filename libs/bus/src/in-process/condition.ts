/** Lets async code wait for a state that other code changes and announces. */
export class Condition {
  readonly #waiting = new Set<() => void>();

  /** Everybody who waits looks again, in the order in which they began to wait. */
  changed(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  /** Resolves true once `holds()`, false when `signal` aborts before. */
  async until(holds: () => boolean, signal: AbortSignal): Promise<boolean> {
    while (!holds()) {
      if (signal.aborted) return false;
      await this.#nextChange(signal);
    }
    return true;
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }
}
