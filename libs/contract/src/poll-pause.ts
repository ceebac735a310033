const FIRST_MS = 250;
const MAX_MS = 5_000;

/**
 * How long to pause between two questions of a long-poll. None is needed where the server holds the question; what lies in
 * between, a cache say, may answer that nothing is new as often as it is asked.
 */
export class PollPause {
  #nextMs = FIRST_MS;

  /**
   * @param waitMs how long the answer was to be held while nothing is new
   * @returns ms, ever more of them
   */
  after(answer: { readonly isNews: boolean; readonly tookMs: number; readonly waitMs: number }): number {
    if (answer.isNews || answer.tookMs >= answer.waitMs / 2) {
      this.#nextMs = FIRST_MS;
      return 0;
    }
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * 2, MAX_MS);
    return pauseMs;
  }
}
