import { collectGarbage } from './collect-garbage.js';

const QUIET_MS = 5_000;
/** What the first collection leaves on pages that are nearly empty moves together in the second. */
const TIMES = 2;

/**
 * Has V8 give memory back once work is over that made much garbage, a new desired state say. By itself it keeps the room it took
 * until as much was made again, which on an idle host is never. Only when nothing more has come for a while: it takes some 70 ms.
 */
export class CollectAfterWork {
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly collect: () => void = collectGarbage) {}

  /** Work is done, unless this is called again soon. */
  done(): void {
    this.#later(TIMES);
  }

  #later(times: number): void {
    clearTimeout(this.#timer);
    if (times === 0) return;
    this.#timer = setTimeout(() => {
      this.collect();
      this.#later(times - 1);
    }, QUIET_MS).unref();
  }
}
