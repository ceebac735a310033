import type { SectionName, StoredSection } from '@bpfleet/store';
import type { FilePlan } from './file-plan.js';
import { sectionId } from './packet-id.js';
import { oldestFirst } from './packet-order.js';
import type { PacketRequest } from './packet-request.js';
import { type MatchedPacket, PacketScan } from './packet-scan.js';
import type { ScanBudget } from './scan-budget.js';
import { ScannedSections } from './scanned-sections.js';
import { sectionQuery } from './section-query.js';
import type { SectionSource } from './section-source.js';

type Newest = NonNullable<FilePlan['newest']>;

/** The packets of a capture file in time order: the second pass over the answer that `plan` was made for. */
export class FilePackets {
  readonly scan: PacketScan;
  readonly #request: PacketRequest;

  constructor(
    private readonly source: SectionSource,
    request: PacketRequest,
    private readonly plan: FilePlan,
    private readonly budget: ScanBudget,
  ) {
    const { linkType, newest } = plan;
    this.#request = { ...request, linkType, sinceNs: newest?.cutNs ?? request.sinceNs };
    this.scan = new PacketScan(this.#request);
  }

  /** In runs, as many at a time as are known to be the oldest. */
  async *packets(): AsyncGenerator<readonly MatchedPacket[], void, void> {
    const { newest } = this.plan;
    const reader = new ScannedSections(this.scan, (names) => this.#again(names));
    for await (const run of oldestFirst(this.#sections(), reader)) {
      yield newest && run[0]!.atNs === newest.cutNs ? run.filter((packet) => isNewest(packet, newest)) : run;
    }
  }

  /** With a limit: only what the plan has seen. A section that came in since then would push a packet out. */
  async *#sections() {
    const ids = this.plan.newest?.sectionIds;
    if (ids?.size === 0) return;
    const query = sectionQuery(this.#request, 'oldest');
    // What the plan has found is written whatever is left of the budget.
    const sections = ids
      ? this.source.sections(query, this.budget.limits.signal)
      : this.budget.within((signal) => this.source.sections(query, signal), this.scan);
    for await (const section of sections) {
      if (!ids || ids.has(sectionId(section))) yield section;
    }
  }

  #again(names: readonly SectionName[]): Promise<readonly StoredSection[] | undefined> {
    const read = (signal: AbortSignal) => this.source.named(names, this.#request, signal);
    return this.plan.newest ? read(this.budget.limits.signal) : this.budget.again(read);
  }
}

/** More may have been captured in the nanosecond of the cut than the limit has room for: those are in that the rows name. */
function isNewest({ atNs, section, index }: MatchedPacket, { cutNs, firstAtCut }: Newest): boolean {
  return atNs !== cutNs || index >= (firstAtCut.get(sectionId(section)) ?? Number.POSITIVE_INFINITY);
}
