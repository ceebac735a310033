import { BpfleetError } from '@bpfleet/errors';
import type { RecordHeader, Tally } from '../../spool/record-header.js';
import type { SegmentWriter } from '../../spool/segment-writer.js';
import type { ClosedSection, SectionSink } from './section-sink.js';

export interface SpoolSinkOptions {
  readonly agent: string;
  readonly epoch: number;
  /** Which boot of the machine `nowMs` belongs to. */
  readonly boot: number;
  /** CLOCK_BOOTTIME. */
  readonly nowMs: () => number;
}

/** Puts sections into the spool; into memory, by another hand, while the disk takes none. */
export class SpoolSink implements SectionSink {
  #closed: Tally = { sections: 0, packets: 0 };
  #spooled: Tally = { sections: 0, packets: 0 };

  constructor(
    private readonly options: SpoolSinkOptions,
    private readonly segments: Pick<SegmentWriter, 'append'>,
    private readonly spooled: () => void,
    /** Takes the bytes for good. */
    private readonly refused: (header: RecordHeader, bytes: Uint8Array<ArrayBuffer>, error: BpfleetError) => void,
  ) {}

  get counts(): Pick<RecordHeader, 'closed' | 'spooled'> {
    return { closed: this.#closed, spooled: this.#spooled };
  }

  write({ seq, tsMinNs, tsMaxNs, packets, filters, crc32, bytes }: ClosedSection): void {
    this.#closed = withSection(this.#closed, packets);
    const spooled = withSection(this.#spooled, packets);
    const { agent, epoch, boot, nowMs } = this.options;
    // Field by field: what is spread gets a shape of its own each time, which costs as much as the rest of closing a section.
    const header: RecordHeader = {
      agent,
      epoch,
      seq,
      tsMinNs,
      tsMaxNs,
      packets,
      filters,
      crc32,
      closedAtMs: nowMs(),
      boot,
      closed: this.#closed,
      spooled,
      positions: {},
      counters: {},
    };
    this.#put(header, bytes);
  }

  /** A section that the disk did not take before, of this epoch or the one before: tried once more. */
  again(header: RecordHeader, bytes: Uint8Array): void {
    const isOwn = header.epoch === this.options.epoch;
    this.#put(isOwn ? { ...header, spooled: withSection(this.#spooled, header.packets) } : header, bytes);
  }

  #put(header: RecordHeader, bytes: Uint8Array): void {
    try {
      this.segments.append(header, bytes);
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      this.refused(header, bytes.slice(), error);
      return;
    }
    if (header.epoch === this.options.epoch) this.#spooled = header.spooled;
    this.spooled();
  }
}

const withSection = ({ sections, packets }: Tally, itsPackets: number): Tally => ({
  sections: sections + 1,
  packets: packets + itsPackets,
});
