import type { RecordHeader } from './record-header.js';

/** What may wait on the disk. */
export interface SpoolLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

const LOOK_EVERY_MS = 1000;

/**
 * How long sections may wait. Ages are told by the clock of this boot, which those of another have no time of: their age
 * counts from when this boot first saw them, and never from earlier, so that none is given up too soon.
 */
export class AgeLimit {
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  readonly #startedAtMs: number;
  #othersSinceMs: number;

  constructor(
    private readonly maxAgeMs: number,
    private readonly boot: number,
    private readonly bootNowMs: () => number,
  ) {
    this.#startedAtMs = bootNowMs();
    this.#othersSinceMs = this.#startedAtMs;
  }

  /**
   * A record that waits, in the order of the spool: what lies in front of one of this boot was there when that was closed,
   * also when it was a process before this one that closed it.
   */
  saw({ boot, closedAtMs }: RecordHeader): void {
    this.#othersSinceMs = boot === this.boot ? Math.min(this.#othersSinceMs, closedAtMs) : this.#startedAtMs;
  }

  /** Not with every section: to tell the age of the oldest one, it has to be read. */
  isTimeToLook(): boolean {
    const nowMs = this.bootNowMs();
    if (nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return false;
    this.#lookedAtMs = nowMs;
    return true;
  }

  isOver({ boot, closedAtMs }: RecordHeader): boolean {
    return this.bootNowMs() - (boot === this.boot ? closedAtMs : this.#othersSinceMs) > this.maxAgeMs;
  }
}
