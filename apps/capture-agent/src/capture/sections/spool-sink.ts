import { BpfleetError } from '@bpfleet/errors';
import type { RecordHeader } from '../../spool/record-header.js';
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
  readonly #closed = { sections: 0, packets: 0 };
  readonly #spooled = { sections: 0, packets: 0 };

  constructor(
    private readonly options: SpoolSinkOptions,
    private readonly segments: Pick<SegmentWriter, 'append'>,
    private readonly spooled: () => void,
    /** Takes the bytes for good. */
    private readonly refused: (header: RecordHeader, bytes: Uint8Array<ArrayBuffer>, error: BpfleetError) => void,
  ) {}

  get counts(): {
    readonly closed: Readonly<RecordHeader['closed']>;
    readonly spooled: Readonly<RecordHeader['spooled']>;
  } {
    return { closed: this.#closed, spooled: this.#spooled };
  }

  write({ bytes, ...section }: ClosedSection): void {
    this.#closed.sections++;
    this.#closed.packets += section.packets;
    const spooled = {
      sections: this.#spooled.sections + 1,
      packets: this.#spooled.packets + section.packets,
    };
    const { agent, epoch, boot, nowMs } = this.options;
    const header: RecordHeader = {
      ...section,
      agent,
      epoch,
      boot,
      closedAtMs: nowMs(),
      closed: { ...this.#closed },
      spooled,
      positions: {},
      counters: {},
    };
    try {
      this.segments.append(header, bytes);
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      this.refused({ ...header, spooled: { ...this.#spooled } }, bytes.slice(), error);
      return;
    }
    Object.assign(this.#spooled, spooled);
    this.spooled();
  }
}
