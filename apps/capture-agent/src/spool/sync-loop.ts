import { abortableDelay } from '../abortable-delay.js';
import type { SegmentFiles } from './segment-files.js';
import type { ScannedSegment } from './segment-scan.js';

/** Makes what was appended safe from a loss of power: one fdatasync at a time, for all that came within `afterMs`. */
export class SyncLoop {
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();

  constructor(
    private readonly files: Pick<SegmentFiles, 'sync'>,
    /** The first behind this number that is not safe. */
    private readonly next: (behind: number) => ScannedSegment | undefined,
    /** Undefined: it works. */
    private readonly tell: (error: Error | undefined) => void,
    private readonly afterMs: number,
  ) {}

  /** There may be something new. */
  wake(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  /** Resolves when everything that is known is safe, or cannot be made so. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    do {
      if (this.afterMs > 0) await abortableDelay(this.afterMs, this.#stopping.signal);
      for (let segment = this.next(-1); segment !== undefined; segment = this.next(segment.number)) {
        await this.#sync(segment);
      }
    } while (this.next(-1) !== undefined);
    this.#isRunning = false;
  }

  async #sync(segment: ScannedSegment): Promise<void> {
    const { end } = segment;
    try {
      await this.files.sync(segment.number);
      this.tell(undefined);
    } catch (error) {
      // Not again and again: with the next section of this segment.
      this.tell(error as Error);
    }
    segment.syncedEnd = end;
  }
}
