import type { SectionStore, StoreCounts, StoredSection } from './section-store.js';

/** Sections that the disk did not take: in memory until they are sent or the limit is reached. */
export class MemoryStore implements SectionStore {
  readonly #sections: StoredSection[] = [];
  #inFlight = 0;
  #bytes = 0;
  readonly #evicted = { sections: 0, packets: 0 };

  constructor(private readonly maxBytes: number) {}

  add(section: StoredSection): void {
    this.#sections.push(section);
    this.#bytes += section.bytes.length;
  }

  async refresh(): Promise<void> {
    while (this.#bytes > this.maxBytes && this.#sections.length > this.#inFlight) {
      const [evicted] = this.#sections.splice(this.#inFlight, 1);
      this.#bytes -= evicted!.bytes.length;
      this.#evicted.sections++;
      this.#evicted.packets += evicted!.header.packets;
    }
  }

  peek(): { readonly epoch: number; readonly seq: number } | undefined {
    return this.#sections[0]?.header;
  }

  async take(maxBytes: number): Promise<readonly StoredSection[]> {
    this.#inFlight = countWithin(
      this.#sections.map(({ bytes }) => bytes.length),
      maxBytes,
    );
    return this.#sections.slice(0, this.#inFlight);
  }

  async acknowledge(): Promise<void> {
    for (const { bytes } of this.#sections.splice(0, this.#inFlight)) this.#bytes -= bytes.length;
    this.#inFlight = 0;
  }

  get counts(): StoreCounts {
    const packets = this.#sections.reduce((sum, { header }) => sum + header.packets, 0);
    return {
      waiting: { sections: this.#sections.length, packets, bytes: this.#bytes },
      evicted: { ...this.#evicted },
      damaged: { sections: 0, bytes: 0 },
    };
  }

  async close(): Promise<void> {}
}

/** How many of these, from the first on, have at most so many bytes together; one at least, if there is any. */
export function countWithin(sizesBytes: readonly number[], maxBytes: number): number {
  let sum = 0;
  const over = sizesBytes.findIndex((size) => {
    sum += size;
    return sum > maxBytes;
  });
  return over < 0 ? sizesBytes.length : Math.max(1, over);
}
