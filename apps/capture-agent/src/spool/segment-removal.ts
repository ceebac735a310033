import type { SegmentFiles } from './segment-files.js';
import type { SpoolPace } from './spool-pace.js';

/** Deletes segments that are of no use any more. What cannot be deleted now is tried again with the next one. */
export class SegmentRemoval {
  readonly #numbers = new Set<number>();
  #ranAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly files: Pick<SegmentFiles, 'remove'>,
    /** Undefined: it works. */
    private readonly tell: (error: Error | undefined) => void,
    private readonly pace: Pick<SpoolPace, 'removedAtOnce' | 'removalIntervalMs'>,
  ) {}

  add(segment: number): void {
    this.#numbers.add(segment);
  }

  /** Does nothing before its time. @param safe resolves when it is safe that nobody needs them, also after a loss of power */
  async run(safe: () => Promise<void>): Promise<void> {
    const { removedAtOnce, removalIntervalMs } = this.pace;
    const now = performance.now();
    const isDue = this.#numbers.size >= removedAtOnce || now - this.#ranAtMs >= removalIntervalMs;
    if (this.#numbers.size === 0 || !isDue) return;
    this.#ranAtMs = now;
    try {
      await safe();
      for (const number of this.#numbers) {
        this.files.remove(number);
        this.#numbers.delete(number);
      }
      this.tell(undefined);
    } catch (error) {
      this.tell(error as Error);
    }
  }
}
