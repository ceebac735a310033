import { BpfleetError } from '@bpfleet/errors';
import { LinkType } from '@bpfleet/packet';
import { ByteCopier } from './copy-bytes.js';
import {
  canonicalLedger,
  encodeInterface,
  encodeSectionHeader,
  type InterfaceDescription,
  type InterfaceStatistics,
  originOptions,
  type SectionOrigin,
  STATISTICS_BLOCK_BYTES,
  writeStatistics,
} from './describe.js';
import { type EncodedOption, textOption } from './encode-block.js';
import { BLOCK, BlockType, EPB, LocalOption, PacketFlag, padded, SNAPLEN_BYTES } from './format.js';
import { nsOfTimespec, TimeWords } from './time-words.js';

export interface SectionWriterOptions extends SectionOrigin {
  /** The finished section is never larger. Below Kafka's `max.message.bytes`. */
  readonly capacityBytes: number;
  /** Room kept for the ledger's JSON; 16 KiB, or half of a small section. What is not used is not sent. */
  readonly ledgerBytes?: number;
  /** Where it writes, at least `capacityBytes`: memory that another process sees, say. Its own by default. */
  readonly buffer?: Uint8Array<ArrayBuffer>;
}

/** A VLAN tag that the kernel took out of the bytes: TPID and TCI in host order. The caller may reuse one object. */
export interface VlanTag {
  readonly tpid: number;
  readonly tci: number;
}

/** Of the oldest and the newest of some packets. */
export interface WrittenTimes {
  readonly oldestSeconds: number;
  readonly oldestNanoseconds: number;
  readonly newestSeconds: number;
  readonly newestNanoseconds: number;
}

/** Where libpcap puts a tag back: after the addresses (EN10MB), before the protocol (LINUX_SLL); nowhere else. */
const tagOffset = (linkType: number): number =>
  linkType === LinkType.EN10MB ? 12 : linkType === LinkType.LINUX_SLL ? 14 : -1;

const TAG_BYTES = 4;
/** Option 0x8004 with its header, and opt_endofopt. */
const FLAGS_BYTES = 12;

/**
 * Builds pcapng sections one after the other in one buffer (draft-ietf-opsawg-pcapng).
 * Blocks are written behind a head room; `finish` puts the SHB there, because only then the section's length and the
 * ledger are known. Appending a packet allocates nothing up to 256 captured bytes, above that one view.
 */
export class SectionWriter {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  readonly #copier: ByteCopier;
  readonly #origin: readonly EncodedOption[];
  readonly #ledgerBytes: number;
  readonly #headBytes: number;
  readonly #time = new TimeWords();
  /** Per interface id: where a VLAN tag goes. */
  readonly #tagOffsets: number[] = [];
  #at: number;
  #statisticsReserved = 0;
  #packets = 0;
  #minSeconds = 0;
  #minNanoseconds = 0;
  #maxSeconds = 0;
  #maxNanoseconds = 0;

  constructor(options: SectionWriterOptions) {
    this.#origin = originOptions(options);
    this.#ledgerBytes = options.ledgerBytes ?? Math.min(16_384, Math.floor(options.capacityBytes / 2));
    const smallestHead = encodeSectionHeader([...this.#origin, textOption(LocalOption.ledger, '')], 0).length;
    this.#headBytes = smallestHead + padded(this.#ledgerBytes);
    if (options.capacityBytes < this.#headBytes + 1024) {
      throw new BpfleetError('INTERNAL', `a section of ${options.capacityBytes} bytes has no room for packets`);
    }
    this.#bytes = options.buffer?.subarray(0, options.capacityBytes) ?? new Uint8Array(options.capacityBytes);
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
    this.#copier = new ByteCopier(this.#bytes, this.#view);
    this.#at = this.#headBytes;
  }

  /** Forgets the section before; the view that `finish` gave becomes invalid. */
  begin(): void {
    this.#at = this.#headBytes;
    this.#tagOffsets.length = 0;
    this.#statisticsReserved = 0;
    this.#packets = 0;
  }

  get packets(): number {
    return this.#packets;
  }

  /** No packet, whatever else. */
  get isEmpty(): boolean {
    return this.#packets === 0;
  }

  /** How long the JSON of the ledger may be at most. */
  get ledgerRoomBytes(): number {
    return this.#ledgerBytes;
  }

  get interfaces(): number {
    return this.#tagOffsets.length;
  }

  /** Size that the section has by now, with the room kept for its head and its statistics. */
  get sizeBytes(): number {
    return this.#at + this.#statisticsReserved;
  }

  /** Where the written blocks end in the buffer. `begin` sets it to where they start. */
  get endBytes(): number {
    return this.#at;
  }

  /** Unix time of the oldest packet; 0 while empty. Packets of several rings do not come in order. */
  get tsMinNs(): bigint {
    return this.isEmpty ? 0n : nsOfTimespec(this.#minSeconds, this.#minNanoseconds);
  }

  get tsMaxNs(): bigint {
    return this.isEmpty ? 0n : nsOfTimespec(this.#maxSeconds, this.#maxNanoseconds);
  }

  /**
   * Writes an IDB and keeps room for its ISB.
   * @returns its id within this section, or -1 when it does not fit
   */
  addInterface(description: InterfaceDescription): number {
    return this.addEncodedInterface(encodeInterface(description), description.linkType);
  }

  /** The same for a block that was encoded before: most sections have those of the section before. */
  addEncodedInterface(block: Uint8Array, linkType: number): number {
    if (!this.#fits(block.length + STATISTICS_BLOCK_BYTES)) return -1;
    this.#put(block);
    this.#statisticsReserved += STATISTICS_BLOCK_BYTES;
    return this.#tagOffsets.push(tagOffset(linkType)) - 1;
  }

  /**
   * Writes one EPB (4.3). With `vlan`, the tag goes back in place and both lengths grow by four.
   * What is captured past snaplen 262144 is cut, `wireLength` still says how long the packet was.
   * @param flags bits of `PacketFlag`; `vlanTagWasMetadata` is added here
   * @returns false, with nothing written, when it does not fit; on an empty section it never will
   */
  append(
    interfaceId: number,
    seconds: number,
    nanoseconds: number,
    bytes: Uint8Array,
    start: number,
    capturedLength: number,
    wireLength: number,
    vlan: VlanTag | undefined,
    flags: number,
  ): boolean {
    const tagAt = vlan === undefined ? -1 : this.#tagOffsets[interfaceId]!;
    // A packet cut before the tag's place has no place for it; its wire length still counts the tag.
    const tagBytes = tagAt >= 0 && capturedLength >= tagAt ? TAG_BYTES : 0;
    const wire = wireLength + (tagAt >= 0 ? TAG_BYTES : 0);
    const captured = Math.min(capturedLength + tagBytes, SNAPLEN_BYTES);
    const allFlags = tagBytes === 0 ? flags : flags | PacketFlag.vlanTagWasMetadata;
    const dataEnd = EPB.data + padded(captured);
    const length = dataEnd + (allFlags === 0 ? 0 : FLAGS_BYTES) + 4;
    if (!this.#fits(length)) return false;
    this.#header(length, interfaceId, seconds, nanoseconds, captured, wire);
    const data = this.#at + EPB.data;
    // Padding must be zero (3.6.2): clear the last word, the packet then covers what it has.
    if (captured > 0) this.#view.setUint32(this.#at + dataEnd - 4, 0, true);
    if (tagBytes === 0) this.#copier.copy(bytes, start, captured, data);
    else this.#tagged(bytes, start, captured, data, tagAt, vlan!);
    if (allFlags !== 0) this.#flags(this.#at + dataEnd, allFlags);
    this.#view.setUint32(this.#at + length - 4, length, true);
    this.#at += length;
    this.#seen(seconds, nanoseconds);
    return true;
  }

  /** Up to where packets may be written into the buffer by somebody else, from `endBytes` on. */
  get limitBytes(): number {
    return this.#bytes.length - this.#statisticsReserved;
  }

  /** Takes EPBs that somebody else has written into the buffer behind `endBytes`: they end there now. */
  extend(endBytes: number, packets: number, times: WrittenTimes): void {
    this.#at = endBytes;
    this.#seen(times.oldestSeconds, times.oldestNanoseconds);
    this.#seen(times.newestSeconds, times.newestNanoseconds);
    this.#packets += packets - 2;
  }

  /** Writes the ISB of an interface, at most one each; `addInterface` kept the room. Its time is the newest packet's. */
  addStatistics(interfaceId: number, statistics: InterfaceStatistics): void {
    if (interfaceId < 0 || interfaceId >= this.interfaces || this.#statisticsReserved === 0) {
      throw new BpfleetError(
        'INTERNAL',
        `statistics for interface ${interfaceId}, of ${this.interfaces} in this section`,
      );
    }
    this.#statisticsReserved -= STATISTICS_BLOCK_BYTES;
    this.#at = writeStatistics(this.#view, this.#at, interfaceId, this.tsMaxNs, statistics);
  }

  /**
   * Puts the SHB in front, with the section's length and the ledger.
   * @returns a view of the writer's buffer, valid until `begin`
   * @throws BpfleetError `INTERNAL` when the ledger needs more than the room kept for it
   */
  finish(ledger: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
    const option = textOption(LocalOption.ledger, canonicalLedger(ledger));
    if (option.value.length > this.#ledgerBytes) {
      throw new BpfleetError(
        'INTERNAL',
        `the ledger has ${option.value.length} bytes, room is for ${this.#ledgerBytes}`,
      );
    }
    const header = encodeSectionHeader([...this.#origin, option], this.#at - this.#headBytes);
    const start = this.#headBytes - header.length;
    this.#bytes.set(header, start);
    return this.#bytes.subarray(start, this.#at);
  }

  #fits(lengthBytes: number): boolean {
    return this.#at + this.#statisticsReserved + lengthBytes <= this.#bytes.length;
  }

  #put(block: Uint8Array): void {
    this.#bytes.set(block, this.#at);
    this.#at += block.length;
  }

  #header(length: number, id: number, seconds: number, nanoseconds: number, captured: number, wire: number): void {
    const view = this.#view;
    const at = this.#at;
    this.#time.set(seconds, nanoseconds);
    view.setUint32(at + BLOCK.type, BlockType.enhancedPacket, true);
    view.setUint32(at + BLOCK.length, length, true);
    view.setUint32(at + EPB.interfaceId, id, true);
    view.setUint32(at + EPB.timeHigh, this.#time.high, true);
    view.setUint32(at + EPB.timeLow, this.#time.low, true);
    view.setUint32(at + EPB.captured, captured, true);
    view.setUint32(at + EPB.wire, wire, true);
  }

  #tagged(bytes: Uint8Array, start: number, captured: number, data: number, tagAt: number, vlan: VlanTag): void {
    this.#copier.copy(bytes, start, tagAt, data);
    // Network byte order: these two fields are packet bytes, not pcapng's.
    this.#view.setUint16(data + tagAt, vlan.tpid, false);
    this.#view.setUint16(data + tagAt + 2, vlan.tci, false);
    this.#copier.copy(bytes, start + tagAt, captured - TAG_BYTES - tagAt, data + tagAt + TAG_BYTES);
  }

  #flags(at: number, flags: number): void {
    this.#view.setUint16(at, LocalOption.flags, true);
    this.#view.setUint16(at + 2, 4, true);
    this.#view.setUint32(at + 4, flags, true);
    this.#view.setUint32(at + 8, 0, true);
  }

  #seen(seconds: number, nanoseconds: number): void {
    const isFirst = this.#packets++ === 0;
    if (isFirst || seconds < this.#minSeconds || (seconds === this.#minSeconds && nanoseconds < this.#minNanoseconds)) {
      this.#minSeconds = seconds;
      this.#minNanoseconds = nanoseconds;
    }
    if (isFirst || seconds > this.#maxSeconds || (seconds === this.#maxSeconds && nanoseconds > this.#maxNanoseconds)) {
      this.#maxSeconds = seconds;
      this.#maxNanoseconds = nanoseconds;
    }
  }
}

/** A whole section around blocks that are there already: what a writer left that could not finish. */
export function sectionOf(
  origin: SectionOrigin,
  ledger: Readonly<Record<string, string>>,
  blocks: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const options = [...originOptions(origin), textOption(LocalOption.ledger, canonicalLedger(ledger))];
  const header = encodeSectionHeader(options, blocks.length);
  const section = new Uint8Array(header.length + blocks.length);
  section.set(header);
  section.set(blocks, header.length);
  return section;
}
