import { type Completeness, type PacketDetail, type PacketQuery, packetMediaTypes } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Injectable } from '@nestjs/common';
import { LedgerSource } from '../ledger/ledger-source.js';
import { KnownVersions } from '../registry/known-versions.js';
import { type CaptureFile, PcapFile, PcapngFile } from './capture-file.js';
import { inChunks } from './chunks.js';
import { MOST_FILES, MOST_SCANS } from './config.js';
import { fileChunks } from './file-chunks.js';
import { FilePackets } from './file-packets.js';
import { planFile } from './file-plan.js';
import { NewestPackets } from './newest-packets.js';
import { detailOf, packetAt } from './one-packet.js';
import { jsonAnswer, ndjsonAnswer } from './packet-answer.js';
import { parsePacketId } from './packet-id.js';
import { type AnswerForm, type PacketRequest, packetRequest } from './packet-request.js';
import type { PacketScan } from './packet-scan.js';
import { type Passed, RangeFigures } from './range-figures.js';
import { ScanBudget } from './scan-budget.js';
import { ScanSlots } from './scan-slots.js';
import { SectionSource } from './section-source.js';

export type PacketMediaType = (typeof packetMediaTypes)[keyof typeof packetMediaTypes];

/** An answer on its way. Nothing is read that the receiver does not take. */
export interface PacketStream {
  readonly mediaType: string;
  readonly fileName?: string;
  readonly body: AsyncIterable<Uint8Array>;
  /** Behind a capture file, which has no place for it; the others carry it inside. */
  readonly trailer?: (() => Promise<Completeness>) | undefined;
}

@Injectable()
export class PacketsService {
  readonly #slots = new ScanSlots(MOST_SCANS);
  readonly #fileSlots = new ScanSlots(MOST_FILES, 'write capture files');

  constructor(
    private readonly source: SectionSource,
    private readonly ledger: LedgerSource,
    private readonly versions: KnownVersions,
  ) {}

  /**
   * Begins an answer. What can be refused is refused here, before its first byte.
   * @param nowMs Unix time that relative times count from
   * @throws BpfleetError `REQUEST_INVALID`, `TOO_BUSY`, `SEVERAL_LINK_TYPES`, or what the filter language says of the expression
   */
  async answer(
    query: PacketQuery,
    mediaType: PacketMediaType,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<PacketStream> {
    const request = packetRequest(query, forms[mediaType], nowMs);
    const release = this.#take(forms[mediaType]);
    const budget = new ScanBudget({ ...request.budget, signal });
    const end = () => {
      budget.clear();
      release();
    };
    try {
      const stream = await this.#stream(request, mediaType, nowMs, budget);
      return { ...stream, body: untilEnd(stream.body, end) };
    } catch (error) {
      end();
      throw error;
    }
  }

  #take(form: AnswerForm): () => void {
    const release = this.#slots.take();
    if (form === 'rows') return release;
    try {
      const releaseFile = this.#fileSlots.take();
      return () => {
        releaseFile();
        release();
      };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #stream(
    request: PacketRequest,
    mediaType: PacketMediaType,
    nowMs: number,
    budget: ScanBudget,
  ): Promise<PacketStream> {
    switch (mediaType) {
      case packetMediaTypes.json:
      case packetMediaTypes.ndjson:
        return this.#rows(request, mediaType, budget);
      case packetMediaTypes.pcapng:
        return this.#file(request, new PcapngFile(request), mediaType, nowMs, budget);
      case packetMediaTypes.pcap:
        return this.#file(request, new PcapFile(), mediaType, nowMs, budget);
    }
  }

  /**
   * One packet in full.
   * @param filter an expression to explain for it
   * @throws BpfleetError `NOT_FOUND` when it is not stored, or no longer
   */
  async packet(id: string, filter: string | undefined, signal: AbortSignal): Promise<PacketDetail> {
    const name = parsePacketId(id);
    const section = name && (await this.source.section(name, signal));
    const packet = section && packetAt(section, name.index);
    if (packet === undefined) {
      throw new BpfleetError('NOT_FOUND', `no stored packet ${id}`, {
        hint: 'take the id from a row of the answer to a query; packets older than the retention are gone',
      });
    }
    return detailOf(packet, this.versions, filter);
  }

  #rows(request: PacketRequest, mediaType: PacketMediaType, budget: ScanBudget): PacketStream {
    const figures = new RangeFigures(this.source, this.ledger, request);
    const newest = new NewestPackets(this.source, request, budget);
    const completeness = () => {
      const { scan, rangeScanned, passed } = newest;
      return completenessOf(figures, scan, { rangeScanned, passed, stoppedBy: budget.stoppedBy });
    };
    const write = mediaType === packetMediaTypes.json ? jsonAnswer : ndjsonAnswer;
    return { mediaType, body: inChunks(write(newest.packets(), completeness)) };
  }

  async #file(
    request: PacketRequest,
    file: CaptureFile,
    mediaType: PacketMediaType,
    nowMs: number,
    budget: ScanBudget,
  ): Promise<PacketStream> {
    const plan = await planFile(this.source, request, budget);
    const packets = new FilePackets(this.source, request, plan, budget);
    return {
      mediaType,
      fileName: `bpfleet-${new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')}.${file.extension}`,
      body: fileChunks(file, plan.linkType, packets.packets()),
      trailer: () => {
        const stoppedBy = budget.stoppedBy ?? plan.stoppedBy;
        const rangeScanned = plan.rangeScanned && stoppedBy === undefined;
        // Of the moment when the file is whole: writing it may have taken minutes.
        const figures = new RangeFigures(this.source, this.ledger, request);
        const through = { sinceNs: request.sinceNs, sectionsRead: packets.scan.counts.sectionsScanned };
        return completenessOf(figures, packets.scan, { rangeScanned, passed: plan.passed ?? through, stoppedBy });
      },
    };
  }
}

async function completenessOf(
  figures: RangeFigures,
  { counts }: PacketScan,
  { rangeScanned, stoppedBy = 'limit', passed }: Progress,
): Promise<Completeness> {
  const [losses, sectionsPruned] = await Promise.all([figures.losses, figures.pruned(passed)]);
  return {
    ...counts,
    sectionsPruned,
    ...losses,
    rangeScanned,
    ...(rangeScanned ? {} : { stoppedBy }),
  };
}

/** How far a scan came, and why it ended there. */
interface Progress {
  readonly rangeScanned: boolean;
  readonly stoppedBy: Completeness['stoppedBy'];
  readonly passed: Passed;
}

const forms: Readonly<Record<PacketMediaType, AnswerForm>> = {
  [packetMediaTypes.json]: 'rows',
  [packetMediaTypes.ndjson]: 'rows',
  [packetMediaTypes.pcapng]: 'pcapng',
  [packetMediaTypes.pcap]: 'pcap',
};

/** The same chunks; `end` is called behind the last one, or when nobody wants more. */
async function* untilEnd<T>(chunks: AsyncIterable<T>, end: () => void): AsyncGenerator<T, void, void> {
  try {
    yield* chunks;
  } finally {
    end();
  }
}
