import { collectGarbage } from './collect-garbage.js';

const QUIET_MS = 5_000;
/** So long garbage lies at most while work goes on: filters may be rolled out one after the other for minutes. */
const LONGEST_MS = 15_000;
/** What the first collection leaves on pages that are nearly empty moves together in the second. */
const TIMES = 2;

/**
 * Has V8 give memory back once work is over that made much garbage, a new desired state say. By itself it keeps the room it took
 * until as much was made again, which on an idle host is never. If it can be when nothing more has come for a while: it takes some 70 ms.
 */
export class CollectAfterWork {
  #timer: NodeJS.Timeout | undefined;
  /** When the first work was done since garbage was collected. */
  #sinceMs: number | undefined;

  constructor(
    private readonly collect: () => void = collectGarbage,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** Work is done, unless this is called again soon. */
  done(): void {
    const nowMs = this.nowMs();
    this.#sinceMs ??= nowMs;
    this.#later(TIMES, Math.max(0, Math.min(QUIET_MS, this.#sinceMs + LONGEST_MS - nowMs)));
  }

  #later(times: number, waitMs = QUIET_MS): void {
    clearTimeout(this.#timer);
    if (times === 0) return;
    this.#timer = setTimeout(() => {
      this.#sinceMs = undefined;
      this.collect();
      this.#later(times - 1);
    }, waitMs).unref();
  }
}
