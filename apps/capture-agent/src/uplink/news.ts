import { abortableDelay } from '../abortable-delay.js';

/** Wakes one who waits for something new; what came while nobody waited counts too. */
export class News {
  #isThere = false;
  #waiting: AbortController | undefined;

  came(): void {
    this.#isThere = true;
    this.#waiting?.abort();
  }

  /** Resolves when something came since the last call ended, after `timeoutMs`, or when `signal` aborts. */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const waiting = new AbortController();
    const end = (): void => waiting.abort();
    signal.addEventListener('abort', end, { once: true });
    this.#waiting = waiting;
    if (!this.#isThere && !signal.aborted) await abortableDelay(timeoutMs, waiting.signal);
    this.#isThere = false;
    this.#waiting = undefined;
    signal.removeEventListener('abort', end);
  }
}
