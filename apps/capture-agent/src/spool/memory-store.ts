import { type Amount, type AmountsByEpoch, addTo, minus, noAmount, plus, sumOf } from './amount.js';
import type { RecordHeader } from './record-header.js';
import type { SectionStore, StoreCounts, StoredSection } from './section-store.js';

/** Sections that the disk did not take: in memory until they are sent or the limit is reached. */
export class MemoryStore implements SectionStore {
  /** Oldest first. */
  readonly #sections: StoredSection[] = [];
  /** Those that somebody tries to put on the disk, by their names. */
  readonly #leaving = new Map<string, { readonly epoch: number; readonly amount: Amount }>();
  #inFlight = 0;
  #waiting = noAmount;
  #evicted = noAmount;
  #sent = noAmount;
  readonly #evictedOf: AmountsByEpoch = new Map();

  constructor(
    private readonly maxBytes: number,
    /** So much has this memory alone now, and would be lost if the process ended; so much was given up just now. */
    private readonly onChange: (kept: Amount, givenUp: AmountsByEpoch) => void = () => undefined,
  ) {}

  /** Epochs that sections wait of, or that some of are leaving. */
  get epochs(): ReadonlySet<number> {
    return new Set(
      [...this.#sections.map(({ header }) => header), ...this.#leaving.values()].map(({ epoch }) => epoch),
    );
  }

  /** All that was acknowledged. */
  get sent(): Amount {
    return this.#sent;
  }

  add(section: StoredSection): void {
    this.#leaving.delete(nameOf(section));
    this.#sections.splice(this.#placeOf(section), 0, section);
    this.#waiting = plus(this.#waiting, amountOf(section));
    // At once: whoever refreshes may be waiting for the bus.
    this.#evict();
    this.#tell();
  }

  /** The oldest that are not in flight, up to so many bytes, for the disk. `left` says what became of those not added again. */
  leave(maxBytes: number): readonly StoredSection[] {
    const leaving = this.#sections.slice(this.#inFlight, this.#inFlight + this.#countUpTo(maxBytes));
    for (const section of leaving) {
      this.#leaving.set(nameOf(section), { epoch: section.header.epoch, amount: amountOf(section) });
    }
    this.#remove(this.#inFlight, leaving.length);
    return leaving;
  }

  /** The disk has those of them that did not come back. */
  left(sections: readonly StoredSection[]): void {
    for (const section of sections) this.#leaving.delete(nameOf(section));
    this.#tell();
  }

  /** Once nobody sends any more, the oldest first: those that are taken are gone, each by itself. */
  leaveTo(take: (section: StoredSection) => boolean): void {
    this.#inFlight = 0;
    for (let at = 0; at < this.#sections.length; ) {
      if (take(this.#sections[at]!)) this.#remove(at, 1);
      else at++;
    }
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
    this.#giveUp(0, this.#inFlight);
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
    if (count > 0) this.#giveUp(this.#inFlight, count);
  }

  /** Behind what is in flight: one that comes back is older than others that wait. */
  #placeOf({ header }: StoredSection): number {
    let at = this.#sections.length;
    while (at > this.#inFlight && isNewer(this.#sections[at - 1]!.header, header)) at--;
    return at;
  }

  #remove(at: number, count: number, givenUp: AmountsByEpoch = new Map()): StoredSection[] {
    const removed = this.#sections.splice(at, count);
    for (const section of removed) this.#waiting = minus(this.#waiting, amountOf(section));
    if (removed.length > 0) this.#tell(givenUp);
    return removed;
  }

  #giveUp(at: number, count: number): void {
    const amounts: AmountsByEpoch = new Map();
    for (const section of this.#sections.slice(at, at + count)) {
      addTo(amounts, section.header.epoch, amountOf(section));
      addTo(this.#evictedOf, section.header.epoch, amountOf(section));
    }
    this.#evicted = plus(this.#evicted, sumOf(amounts.values()));
    this.#remove(at, count, amounts);
  }

  #tell(givenUp: AmountsByEpoch = new Map()): void {
    this.onChange(plus(this.#waiting, sumOf([...this.#leaving.values()].map(({ amount }) => amount))), givenUp);
  }
}

const nameOf = ({ header: { epoch, seq } }: StoredSection): string => `${epoch}.${seq}`;

const isNewer = (one: RecordHeader, other: RecordHeader): boolean =>
  one.epoch > other.epoch || (one.epoch === other.epoch && one.seq > other.seq);

const amountOf = ({ header, bytes }: { header: RecordHeader; bytes: Uint8Array }): Amount => ({
  sections: 1,
  packets: header.packets,
  bytes: bytes.length,
});
