/**
 * What one thread tells another once for all that happens until the other looks: a message and a wake-up for each of a
 * thousand sections a second would cost as much as the sections.
 */
export class Notice {
  readonly #given: Int32Array;

  /** @param memory shared by both threads */
  constructor(readonly memory: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.#given = new Int32Array(memory);
  }

  /** Behind what happened. @returns whether the other has to be woken: it has looked since the last time */
  give(): boolean {
    return Atomics.exchange(this.#given, 0, 1) === 0;
  }

  /** Before the other looks: what happens from here on wakes it again. */
  take(): void {
    Atomics.store(this.#given, 0, 0);
  }
}
