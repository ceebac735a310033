import { type Completeness, Deadline } from '@bpfleet/contract';
import type { StoredSection } from '@bpfleet/store';
import type { PacketScan } from './packet-scan.js';

/** What one query may take, and who may end it before. */
export interface ScanLimits {
  readonly timeMs: number;
  /** Looked at, whether they match or not. */
  readonly packets: number;
  readonly signal: AbortSignal;
}

/** Ends the reading of sections when a query has taken what it may: what was found by then is the answer. */
export class ScanBudget {
  readonly #deadline: Deadline;
  #stoppedBy: 'time' | 'packets' | undefined;

  constructor(readonly limits: ScanLimits) {
    this.#deadline = new Deadline(limits.timeMs, limits.signal);
  }

  /** What ended the reading; undefined: the end of the range, or whoever asked had enough. */
  get stoppedBy(): Completeness['stoppedBy'] {
    return this.#stoppedBy;
  }

  /**
   * The sections, as far as the budget goes.
   * @param open begins to read; the signal ends a read under way
   * @throws the signal's reason when who asks has gone away
   */
  async *within(
    open: (signal: AbortSignal) => AsyncIterable<StoredSection>,
    scan: Pick<PacketScan, 'counts'>,
  ): AsyncGenerator<StoredSection, void, void> {
    const { signal } = this.#deadline;
    if (this.#isSpent(scan)) return;
    try {
      for await (const section of open(signal)) {
        if (this.#isSpent(scan)) return;
        yield section;
      }
    } catch (error) {
      this.limits.signal.throwIfAborted();
      if (!this.#isSpent(scan)) throw error;
    }
  }

  /**
   * Reads sections that were looked at before: only the time counts.
   * @returns undefined when it is over
   * @throws the signal's reason when who asks has gone away
   */
  async again<T>(read: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#deadline;
    try {
      if (!signal.aborted) return await read(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    this.limits.signal.throwIfAborted();
    this.#stoppedBy ??= 'time';
    return undefined;
  }

  /** Of half the time: for a pass that must leave some for the one which answers. Must be cleared, too. */
  half(): ScanBudget {
    return new ScanBudget({ ...this.limits, timeMs: this.limits.timeMs / 2 });
  }

  /** Must be called when the query has ended. */
  clear(): void {
    this.#deadline.clear();
  }

  #isSpent({ counts }: Pick<PacketScan, 'counts'>): boolean {
    this.limits.signal.throwIfAborted();
    if (this.#deadline.signal.aborted) this.#stoppedBy ??= 'time';
    else if (counts.packetsScanned >= this.limits.packets) this.#stoppedBy ??= 'packets';
    return this.#stoppedBy !== undefined;
  }
}
