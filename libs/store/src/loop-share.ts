import { setImmediate } from 'node:timers/promises';

/** Whoever waits for an answer of this process waits for as long at each of its steps. */
const SLICE_MS = 2;

let last: Promise<void> = Promise.resolve();

/** Resolves in a round of the event loop in which nobody else's turn is, one after the other. */
function turn(): Promise<void> {
  last = last.then(() => setImmediate());
  return last;
}

/**
 * One calculation's share of the event loop. Twelve partitions that each calculate for 20 ms keep everybody else waiting for
 * 240: between microtasks the loop does not look at sockets. `next` goes before each part of the calculation.
 */
export class LoopShare {
  #untilMs = Number.NEGATIVE_INFINITY;

  /** Resolves at once while there is time left; else in a later round, when what has arrived meanwhile has been handled. */
  async next(): Promise<void> {
    if (performance.now() < this.#untilMs) return;
    await turn();
    this.#untilMs = performance.now() + SLICE_MS;
  }
}
