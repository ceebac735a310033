import { abortableDelay } from '../abortable-delay.js';
import type { SegmentFiles } from './segment-files.js';
import type { ScannedSegment } from './segment-scan.js';

/**
 * Makes what was appended safe from a loss of power: one fdatasync at a time for all that came within `afterMs`, then one
 * for the names of new segments.
 */
export class SyncLoop {
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();

  constructor(
    private readonly files: Pick<SegmentFiles, 'sync' | 'syncNames'>,
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
      await this.#round();
    } while (this.next(-1) !== undefined);
    this.#isRunning = false;
  }

  async #round(): Promise<void> {
    let segment = this.next(-1);
    if (segment === undefined) return;
    let failure: Error | undefined;
    for (; segment !== undefined; segment = this.next(segment.number)) {
      const { number, end } = segment;
      failure = (await failureOf(this.files.sync(number))) ?? failure;
      // Not again and again where it failed: with the next section of this segment.
      segment.syncedEnd = end;
    }
    failure = (await failureOf(this.files.syncNames())) ?? failure;
    this.tell(failure);
  }
}

const failureOf = (work: Promise<void>): Promise<Error | undefined> =>
  work.then(
    () => undefined,
    (error: Error) => error,
  );
