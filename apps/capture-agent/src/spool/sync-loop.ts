import type { SegmentFiles } from './segment-files.js';
import type { ScannedSegment } from './segment-scan.js';

/** Makes what was appended safe from a loss of power: one fdatasync at a time, for all that came during the one before. */
export class SyncLoop {
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();

  constructor(
    private readonly files: Pick<SegmentFiles, 'sync'>,
    private readonly next: () => ScannedSegment | undefined,
    /** Undefined: it works. */
    private readonly tell: (error: Error | undefined) => void,
  ) {}

  /** There may be something new. */
  wake(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#running = this.#run();
  }

  /** Resolves when everything that is known is safe, or cannot be made so. */
  async stop(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let segment = this.next(); segment !== undefined; segment = this.next()) {
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
    this.#isRunning = false;
  }
}
