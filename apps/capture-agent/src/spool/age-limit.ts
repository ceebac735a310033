import type { RecordHeader } from './record-header.js';

/** What may wait on the disk. */
export interface SpoolLimits {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

const LOOK_EVERY_MS = 1000;

/** How long sections may wait. Ages are told by the clock of this boot: those from before it stay until they are sent. */
export class AgeLimit {
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly maxAgeMs: number,
    private readonly boot: number,
    private readonly bootNowMs: () => number,
  ) {}

  /** Not with every section: to tell the age of the oldest one, it has to be read. */
  isTimeToLook(): boolean {
    const nowMs = this.bootNowMs();
    if (nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return false;
    this.#lookedAtMs = nowMs;
    return true;
  }

  isOver({ boot, closedAtMs }: RecordHeader): boolean {
    return boot === this.boot && this.bootNowMs() - closedAtMs > this.maxAgeMs;
  }
}
