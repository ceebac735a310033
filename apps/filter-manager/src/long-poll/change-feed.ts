/** Tells those who wait for a new generation of an agent that there may be one. */
export class ChangeFeed {
  readonly #waiting = new Map<string, Set<() => void>>();

  /**
   * Starts to listen for an agent. Subscribe first and read the store then: a change between the two is not missed.
   * @param signal ends the wait; without one it must end by `changed`
   */
  next(agent: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const listeners = this.#waiting.get(agent) ?? new Set();
      this.#waiting.set(agent, listeners);
      const wake = () => {
        signal.removeEventListener('abort', wake);
        listeners.delete(wake);
        if (listeners.size === 0 && this.#waiting.get(agent) === listeners) this.#waiting.delete(agent);
        resolve();
      };
      listeners.add(wake);
      if (signal.aborted) wake();
      else signal.addEventListener('abort', wake);
    });
  }

  /** Wakes everybody who waits for one of these agents. */
  changed(agents: Iterable<string>): void {
    for (const agent of agents) for (const wake of [...(this.#waiting.get(agent) ?? [])]) wake();
  }

  /** Wakes everybody: something may have been missed. */
  everythingChanged(): void {
    this.changed([...this.#waiting.keys()]);
  }

  /** How many wait. */
  get size(): number {
    let size = 0;
    for (const listeners of this.#waiting.values()) size += listeners.size;
    return size;
  }
}
