import { newestFirst } from './packet-order.js';
import type { PacketRequest } from './packet-request.js';
import { type MatchedPacket, PacketScan } from './packet-scan.js';
import { sectionQuery } from './section-query.js';
import type { SectionSource } from './section-source.js';

/** The newest packets of an answer, the newest first, read as they are asked for. */
export class NewestPackets {
  readonly scan: PacketScan;
  #rangeScanned = false;

  constructor(
    private readonly source: SectionSource,
    private readonly request: PacketRequest,
  ) {
    this.scan = new PacketScan(request);
  }

  /** Whether every packet of the range that matches was given out: false when the limit came first. */
  get rangeScanned(): boolean {
    return this.#rangeScanned;
  }

  async *packets(signal: AbortSignal): AsyncGenerator<MatchedPacket, void, void> {
    const { limit } = this.request;
    const sections = this.source.sections(sectionQuery(this.request, 'newest'), signal);
    let given = 0;
    let isThrough = false;
    async function* watched() {
      yield* sections;
      isThrough = true;
    }
    const ordered = newestFirst(watched(), (section) => this.scan.open(section), limit);
    for await (const packet of ordered) {
      yield packet;
      if (++given === limit) break;
    }
    this.#rangeScanned = isThrough && this.scan.matched === given;
  }
}
