import { type Amount, type AmountsByEpoch, addTo, minus, noAmount, plus } from './amount.js';
import type { RecordHeader } from './record-header.js';
import type { SectionStore, StoreCounts, StoredSection } from './section-store.js';

/** Sections that the disk did not take: in memory until they are sent or the limit is reached. */
export class MemoryStore implements SectionStore {
  readonly #sections: StoredSection[] = [];
  #inFlight = 0;
  #waiting = noAmount;
  #evicted = noAmount;
  #sent = noAmount;
  readonly #evictedOf: AmountsByEpoch = new Map();

  constructor(
    private readonly maxBytes: number,
    /** So much waits now, and would be lost if the process ended. */
    private readonly onWaiting: (amount: Amount) => void = () => undefined,
  ) {}

  /** Epochs that sections wait of. */
  get epochs(): ReadonlySet<number> {
    return new Set(this.#sections.map(({ header }) => header.epoch));
  }

  /** All that was acknowledged. */
  get sent(): Amount {
    return this.#sent;
  }

  add(section: StoredSection): void {
    this.#sections.push(section);
    this.#waiting = plus(this.#waiting, amountOf(section));
    // At once: whoever refreshes may be waiting for the bus.
    this.#evict();
    this.onWaiting(this.#waiting);
  }

  /** The oldest that are not in flight, up to so many bytes, for the disk. */
  leave(maxBytes: number): readonly StoredSection[] {
    return this.#remove(this.#inFlight, this.#countUpTo(maxBytes));
  }

  /** Once nobody sends any more: all of them. */
  leaveAll(): readonly StoredSection[] {
    this.#inFlight = 0;
    return this.#remove(0, this.#sections.length);
  }

  async refresh(): Promise<void> {
    this.#evict();
  }

  peek(): { readonly epoch: number; readonly seq: number } | undefined {
    return this.#sections[0]?.header;
  }

  async take(maxBytes: number): Promise<readonly StoredSection[]> {
    let bytes = 0;
    let count = 0;
    for (const section of this.#sections) {
      // Names of a thousand versions weigh as well, in Kafka's headers.
      bytes += section.bytes.length + section.header.filters.join().length;
      if (count > 0 && bytes > maxBytes) break;
      count++;
    }
    this.#inFlight = count;
    return this.#sections.slice(0, count);
  }

  async acknowledge(): Promise<void> {
    for (const section of this.#remove(0, this.#inFlight)) this.#sent = plus(this.#sent, amountOf(section));
    this.#inFlight = 0;
  }

  async giveUp(): Promise<void> {
    this.#giveUp(this.#remove(0, this.#inFlight));
    this.#inFlight = 0;
  }

  get counts(): StoreCounts {
    return { waiting: this.#waiting, evicted: this.#evicted, evictedOf: this.#evictedOf, damaged: noAmount };
  }

  async close(): Promise<void> {}

  #countUpTo(maxBytes: number): number {
    let bytes = 0;
    let at = this.#inFlight;
    for (; at < this.#sections.length; at++) {
      bytes += this.#sections[at]!.bytes.length;
      if (bytes > maxBytes) break;
    }
    return at - this.#inFlight;
  }

  #evict(): void {
    let excess = this.#waiting.bytes - this.maxBytes;
    let count = 0;
    for (let at = this.#inFlight; excess > 0 && at < this.#sections.length; at++, count++) {
      excess -= this.#sections[at]!.bytes.length;
    }
    if (count > 0) this.#giveUp(this.#remove(this.#inFlight, count));
  }

  #remove(at: number, count: number): StoredSection[] {
    const removed = this.#sections.splice(at, count);
    for (const section of removed) this.#waiting = minus(this.#waiting, amountOf(section));
    if (removed.length > 0) this.onWaiting(this.#waiting);
    return removed;
  }

  #giveUp(sections: readonly StoredSection[]): void {
    for (const section of sections) {
      this.#evicted = plus(this.#evicted, amountOf(section));
      addTo(this.#evictedOf, section.header.epoch, amountOf(section));
    }
  }
}

const amountOf = ({ header, bytes }: { header: RecordHeader; bytes: Uint8Array }): Amount => ({
  sections: 1,
  packets: header.packets,
  bytes: bytes.length,
});
