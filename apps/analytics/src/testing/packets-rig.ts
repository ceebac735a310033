import { type Completeness, formatInstantNs, PacketAnswer, PacketQuery, packetMediaTypes } from '@bpfleet/contract';
import { readCapture } from '@bpfleet/section';
import { MemoryLedger } from '../ledger/memory-ledger.js';
import { MemorySections } from '../packets/memory-sections.js';
import { type PacketMediaType, PacketsService } from '../packets/packets.service.js';
import { VersionTable } from '../registry/known-versions.js';
import { makeSection, NOW_MS, NOW_NS, type SectionShape, storedSection } from './sections.js';

export const SECOND_NS = 1_000_000_000n;

/** The version that stored the packets, unless a test says otherwise. */
export const webVersion = {
  filter: 'web',
  version: 3,
  digest: `sha256:${'0'.repeat(64)}`,
  expression: 'udp or tcp dst port 80',
  snaplenBytes: 96,
  programs: [],
};
const shape = { agent: 'host-1', epoch: 1, filter: 'web@3' } as const;

/** Times in s before now. */
export const ago = (...seconds: number[]): bigint[] => seconds.map((one) => NOW_NS - BigInt(one) * SECOND_NS);
export const formatted = (atNs: readonly bigint[]): string[] => atNs.map(formatInstantNs);

/** Sections in memory, and the questions that are asked of their packets. */
export class PacketsRig {
  readonly ledger = new MemoryLedger();
  readonly service: PacketsService;
  #seq = 0;

  constructor(
    readonly source = new MemorySections(),
    versions = [webVersion],
  ) {
    this.service = new PacketsService(source, this.ledger, new VersionTable(versions));
  }

  store(rest: Partial<SectionShape> & Pick<SectionShape, 'atNs'>): void {
    this.source.stored.push(storedSection(makeSection({ ...shape, seq: this.#seq++, ...rest })));
  }

  async ask(query: Partial<PacketQuery>, mediaType: PacketMediaType) {
    const { signal } = new AbortController();
    const stream = await this.service.answer(PacketQuery.parse(query), mediaType, NOW_MS, signal);
    const chunks: Uint8Array[] = [];
    for await (const chunk of stream.body) chunks.push(chunk);
    return { ...stream, bytes: Buffer.concat(chunks) };
  }

  async rows(query: Partial<PacketQuery> = {}): Promise<PacketAnswer> {
    return PacketAnswer.parse(JSON.parse((await this.ask(query, packetMediaTypes.json)).bytes.toString()));
  }

  /** Of the packets in the answer. */
  async times(query: Partial<PacketQuery> = {}): Promise<string[]> {
    return (await this.rows(query)).packets.map(({ at }) => at);
  }

  async file(query: Partial<PacketQuery> = {}, mediaType: PacketMediaType = packetMediaTypes.pcapng) {
    const { bytes, trailer } = await this.ask(query, mediaType);
    return { packets: [...readCapture(bytes)], completeness: (await trailer?.()) as Completeness };
  }
}
