import { type FilePlan } from './file-plan.js';
import { sectionId } from './packet-id.js';
import { oldestFirst } from './packet-order.js';
import type { PacketRequest } from './packet-request.js';
import { type MatchedPacket, PacketScan } from './packet-scan.js';
import { sectionQuery } from './section-query.js';
import type { SectionSource } from './section-source.js';

/** The packets of a capture file in time order: the second pass over the answer that `plan` was made for. */
export class FilePackets {
  readonly scan: PacketScan;
  readonly #request: PacketRequest;

  constructor(
    private readonly source: SectionSource,
    request: PacketRequest,
    private readonly plan: FilePlan,
  ) {
    const { linkType, newest } = plan;
    this.#request = { ...request, linkType, sinceNs: newest?.cutNs ?? request.sinceNs };
    this.scan = new PacketScan(this.#request);
  }

  /** In runs, as many at a time as are known to be the oldest. */
  async *packets(signal: AbortSignal): AsyncGenerator<readonly MatchedPacket[], void, void> {
    const { newest } = this.plan;
    let ties = newest?.tiesAtCut ?? Number.POSITIVE_INFINITY;
    for await (const run of oldestFirst(this.#sections(signal), (section) => this.scan.open(section))) {
      // More were captured in the nanosecond of the cut than the limit has room for.
      yield newest && run[0]!.atNs === newest.cutNs
        ? run.filter(({ atNs }) => atNs !== newest.cutNs || ties-- > 0)
        : run;
    }
  }

  /** With a limit: only what the plan has seen. A section that came in since then would push a packet out. */
  async *#sections(signal: AbortSignal) {
    const ids = this.plan.newest?.sectionIds;
    if (ids?.size === 0) return;
    for await (const section of this.source.sections(sectionQuery(this.#request, 'oldest'), signal)) {
      if (!ids || ids.has(sectionId(section))) yield section;
    }
  }
}
