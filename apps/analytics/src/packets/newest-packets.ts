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

  /** In runs, as many at a time as are known to be the newest. */
  async *packets(signal: AbortSignal): AsyncGenerator<readonly MatchedPacket[], void, void> {
    const sections = this.source.sections(sectionQuery(this.request, 'newest'), signal);
    let given = 0;
    let isThrough = false;
    async function* watched() {
      yield* sections;
      isThrough = true;
    }
    for await (const run of newestFirst(watched(), (section) => this.scan.open(section), this.request.limit)) {
      yield run;
      given += run.length;
    }
    this.#rangeScanned = isThrough && this.scan.matched === given;
  }
}
