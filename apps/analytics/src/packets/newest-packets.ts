import type { StoredSection } from '@bpfleet/store';
import { newestFirst } from './packet-order.js';
import type { PacketRequest } from './packet-request.js';
import { type MatchedPacket, PacketScan } from './packet-scan.js';
import type { Passed } from './range-figures.js';
import type { ScanBudget } from './scan-budget.js';
import { ScannedSections } from './scanned-sections.js';
import { sectionQuery } from './section-query.js';
import type { SectionSource } from './section-source.js';

/** The newest packets of an answer, the newest first, read as they are asked for. */
export class NewestPackets {
  readonly scan: PacketScan;
  #rangeScanned = false;
  #isThrough = false;
  /** When the section that was read last ends, and how many that were read end then. */
  #lastNs: bigint;
  #readOfLastNs = 0;

  constructor(
    private readonly source: SectionSource,
    private readonly request: PacketRequest,
    private readonly budget: ScanBudget,
  ) {
    this.scan = new PacketScan(request);
    this.#lastNs = request.untilNs;
  }

  /** Whether every packet of the range that matches was given out: false when the limit or the budget came first. */
  get rangeScanned(): boolean {
    return this.#rangeScanned;
  }

  /**
   * What of the range was passed over, down to the last section that was read, without those that end at its very time:
   * they may come before it or behind.
   */
  get passed(): Passed {
    const { sectionsScanned } = this.scan.counts;
    if (this.#isThrough) return { sinceNs: this.request.sinceNs, sectionsRead: sectionsScanned };
    return { sinceNs: this.#lastNs + 1n, sectionsRead: sectionsScanned - this.#readOfLastNs };
  }

  /** In runs, as many at a time as are known to be the newest. */
  async *packets(): AsyncGenerator<readonly MatchedPacket[], void, void> {
    const query = sectionQuery(this.request, 'newest');
    const sections = this.budget.within((signal) => this.source.sections(query, signal), this.scan);
    let given = 0;
    const reader = new ScannedSections(this.scan, (names) =>
      this.budget.again((signal) => this.source.named(names, this.request, signal)),
    );
    for await (const run of newestFirst(this.#watched(sections), reader, this.request.limit)) {
      yield run;
      given += run.length;
    }
    this.#rangeScanned = this.#isThrough && this.scan.matched === given;
  }

  async *#watched(sections: AsyncIterable<StoredSection>): AsyncGenerator<StoredSection, void, void> {
    for await (const section of sections) {
      yield section;
      // It was read when the next one is asked for.
      this.#readOfLastNs = section.tsMaxNs === this.#lastNs ? this.#readOfLastNs + 1 : 1;
      this.#lastNs = section.tsMaxNs;
    }
    this.#isThrough = this.budget.stoppedBy === undefined;
  }
}
