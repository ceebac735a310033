import { type Completeness, type PacketDetail, type PacketQuery, packetMediaTypes } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { Injectable } from '@nestjs/common';
import { LedgerSource } from '../ledger/ledger-source.js';
import { type Passed, sectionsPruned } from '../pruning/sections-pruned.js';
import { KnownVersions } from '../registry/known-versions.js';
import { type CaptureFile, PcapFile, PcapngFile } from './capture-file.js';
import { inChunks } from './chunks.js';
import { FilePackets } from './file-packets.js';
import { planFile } from './file-plan.js';
import { NewestPackets } from './newest-packets.js';
import { detailOf, packetAt } from './one-packet.js';
import { jsonAnswer, ndjsonAnswer } from './packet-answer.js';
import { parsePacketId } from './packet-id.js';
import { type PacketRequest, packetRequest } from './packet-request.js';
import type { MatchedPacket, PacketScan } from './packet-scan.js';
import { SectionSource } from './section-source.js';

export type PacketMediaType = (typeof packetMediaTypes)[keyof typeof packetMediaTypes];

/** An answer on its way. Nothing is read that the receiver does not take. */
export interface PacketStream {
  readonly mediaType: PacketMediaType;
  readonly fileName?: string;
  readonly body: AsyncIterable<Uint8Array>;
  /** Behind a capture file, which has no place for it; the others carry it inside. */
  readonly trailer?: () => Promise<Completeness>;
}

@Injectable()
export class PacketsService {
  constructor(
    private readonly source: SectionSource,
    private readonly ledger: LedgerSource,
    private readonly versions: KnownVersions,
  ) {}

  /**
   * Begins an answer. What can be refused is refused here, before its first byte.
   * @param nowMs Unix time that relative times count from
   * @throws BpfleetError `REQUEST_INVALID`, `SEVERAL_LINK_TYPES`, or what the filter language says of the expression
   */
  async answer(
    query: PacketQuery,
    mediaType: PacketMediaType,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<PacketStream> {
    switch (mediaType) {
      case packetMediaTypes.json:
      case packetMediaTypes.ndjson:
        return this.#rows(packetRequest(query, 'rows', nowMs), mediaType, signal);
      case packetMediaTypes.pcapng:
        return this.#file(packetRequest(query, 'file', nowMs), new PcapngFile(), mediaType, nowMs, signal);
      case packetMediaTypes.pcap:
        return this.#file(packetRequest(query, 'file', nowMs), new PcapFile(), mediaType, nowMs, signal);
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

  #rows(request: PacketRequest, mediaType: PacketMediaType, signal: AbortSignal): PacketStream {
    const newest = new NewestPackets(this.source, request);
    const completeness = () => this.#completeness(request, newest.scan, newest.rangeScanned, newest.passed);
    const write = mediaType === packetMediaTypes.json ? jsonAnswer : ndjsonAnswer;
    return { mediaType, body: inChunks(write(newest.packets(signal), completeness)) };
  }

  async #file(
    request: PacketRequest,
    file: CaptureFile,
    mediaType: PacketMediaType,
    nowMs: number,
    signal: AbortSignal,
  ): Promise<PacketStream> {
    const plan = await planFile(this.source, request, signal);
    const packets = new FilePackets(this.source, request, plan);
    return {
      mediaType,
      fileName: `bpfleet-${new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '')}.${file.extension}`,
      body: inChunks(written(file, plan.linkType, packets.packets(signal))),
      trailer: () => this.#completeness(request, packets.scan, plan.rangeScanned, plan.passed),
    };
  }

  /** @param passed how far the scan came; undefined: through the range */
  async #completeness(
    request: PacketRequest,
    { counts }: PacketScan,
    rangeScanned: boolean,
    passed: Passed = { sinceNs: request.sinceNs, sectionsRead: counts.sectionsScanned },
  ): Promise<Completeness> {
    const { sinceNs, untilNs, agent } = request;
    const losses = await this.ledger.losses({ sinceNs, untilNs: untilNs - 1n, agent });
    const pruned = await sectionsPruned(this.source, request, passed);
    return {
      ...counts,
      sectionsPruned: pruned,
      ...losses,
      rangeScanned,
      ...(rangeScanned ? {} : { stoppedBy: 'limit' }),
    };
  }
}

async function* written(
  file: CaptureFile,
  linkType: number,
  runs: AsyncIterable<readonly MatchedPacket[]>,
): AsyncGenerator<Iterable<Uint8Array>, void, void> {
  yield [file.header(linkType)];
  for await (const run of runs) yield blocksOf(file, run);
}

function* blocksOf(file: CaptureFile, run: readonly MatchedPacket[]): Generator<Uint8Array, void, void> {
  for (const packet of run) yield* file.packet(packet);
}
