import type { RecordSource, Slice } from '../partition/partition-reader.js';
import type { Condition } from './condition.js';
import type { MemoryLog } from './memory-log.js';

/** Reads a memory log for one group. */
export class MemorySource implements RecordSource {
  #next = 0n;

  constructor(
    private readonly log: MemoryLog,
    private readonly state: Condition,
    private readonly maxReadBytes: number,
    private readonly onCommitted: (next: bigint) => void,
  ) {}

  seek(next: bigint): void {
    this.#next = next;
    // The handler keeps its position in one transaction with the data: what lies before it is committed.
    const { first, end } = this.log.bounds();
    if (next >= first && next <= end) this.onCommitted(next);
  }

  async take(signal: AbortSignal): Promise<Slice | undefined> {
    if (!(await this.state.until(() => this.#next !== this.log.bounds().end, signal))) return undefined;
    const { first, end } = this.log.bounds();
    // As Kafka does: who asks for an offset that is not there is moved to the first one.
    if (this.#next < first || this.#next > end) return { from: first, records: [] };
    return { from: this.#next, records: this.log.read(this.#next, this.maxReadBytes) };
  }

  committed(next: bigint): void {
    this.seek(next);
  }

  park(): void {
    // Nothing is read ahead.
  }
}
