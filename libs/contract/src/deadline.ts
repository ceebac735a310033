/**
 * A signal that aborts after a time, or with one of its parents. Not `AbortSignal.any`: on Node 20 that keeps each
 * derived signal alive for as long as its parent, and parents here live as long as the process; and the timer of an
 * `AbortSignal.timeout` inside it may be collected as garbage, so that it never comes.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #at: number;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #parents: readonly AbortSignal[];
  readonly #abort = () => this.#controller.abort();

  constructor(timeoutMs: number, ...parents: readonly AbortSignal[]) {
    this.#at = performance.now() + timeoutMs;
    this.#timer = setTimeout(this.#abort, timeoutMs);
    this.#parents = parents;
    for (const parent of parents) {
      if (parent.aborted) this.#abort();
      parent.addEventListener('abort', this.#abort);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get remainingMs(): number {
    return Math.max(0, this.#at - performance.now());
  }

  /** Must be called when the work is done: it ends the timer and lets the parents go. */
  clear(): void {
    clearTimeout(this.#timer);
    for (const parent of this.#parents) parent.removeEventListener('abort', this.#abort);
  }
}
