/** Lets a line through now and then: the counters beside it tell how often it really happened. */
export class LogLimit {
  readonly #last = new Map<string, { atMs: number; suppressed: number }>();

  /** @param everyMs at most one line of a kind in this time */
  constructor(
    private readonly everyMs: number,
    private readonly nowMs: () => number,
  ) {}

  /** Calls `log`, with how many lines of this kind were left out since the last one, or leaves this one out, too. */
  pass(kind: string, log: (suppressed: number) => void): void {
    const nowMs = this.nowMs();
    const last = this.#last.get(kind);
    if (last && nowMs - last.atMs < this.everyMs) {
      last.suppressed++;
      return;
    }
    this.#last.set(kind, { atMs: nowMs, suppressed: 0 });
    log(last?.suppressed ?? 0);
  }
}
