import type { BpfleetError } from '@bpfleet/errors';
import type { InterfaceDescription, SectionOrigin } from './describe.js';
import { PacketCursor, place } from './for-each-packet.js';
import { BlockType, Direction, IDB, ISB, LocalOption, NANOSECOND_RESOLUTION, OptionCode, SHB } from './format.js';
import { nsOfWords } from './time-words.js';
import { checkBlock, checkHeader, corruptSection, viewOf, walkBlocks, walkOptions } from './walk-blocks.js';

/** One IDB; its place in `Section.interfaces` is its id. */
export type SectionInterface = InterfaceDescription;

/** One ISB. */
export interface SectionStatistics {
  readonly interfaceId: number;
  readonly received: bigint;
  readonly droppedByInterface: bigint;
  readonly dropped: bigint;
  readonly delivered: bigint;
}

/** What a section says besides its packets' bytes. */
export interface Section extends SectionOrigin {
  readonly interfaces: readonly SectionInterface[];
  readonly statistics: readonly SectionStatistics[];
  /** Counters as decimal strings; undefined when the section carries none. */
  readonly ledger: Readonly<Record<string, string>> | undefined;
  readonly packets: number;
  /** Unix ns of the oldest and the newest packet; 0 without packets. */
  readonly tsMinNs: bigint;
  readonly tsMaxNs: bigint;
}

/** An option costs memory of its own once it is decoded; bytes of one record are never more than this. */
const MAX_TEXT_BYTES = 1_048_576;
const MAX_INTERFACES = 65_535;

/**
 * Reads one section and checks every block and packet in it, so that a walk over it afterwards cannot fail.
 * Bytes come from the network: what is made of them stays in proportion to their length.
 * @throws BpfleetError `SECTION_CORRUPT`
 */
export function readSection(bytes: Uint8Array): Section {
  return new SectionReading(bytes).read();
}

/** What a scan is told, in the order of the bytes. */
export interface SectionVisitor {
  /** Its id is the number of those before it. */
  interface(described: SectionInterface): void;
  /** Gets the same cursor each time: copy what you keep. */
  packet(packet: PacketCursor): void;
}

/**
 * Visits the interfaces and packets of a section in one pass; nothing is made per packet. What else a section says is
 * passed over.
 * @throws BpfleetError `SECTION_CORRUPT`; what stands before the fault was visited
 */
export function scanSection(bytes: Uint8Array, visitor: SectionVisitor): void {
  new SectionReading(bytes).scan(visitor);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * One section that is read block by block; where each begins is known to whoever asks.
 * @throws BpfleetError `SECTION_CORRUPT`, in each call
 */
export class SectionReading {
  readonly #view: DataView;
  readonly #decoder = new TextDecoder();
  readonly #interfaces: SectionInterface[] = [];
  readonly #statistics: SectionStatistics[] = [];
  readonly #cursor = new PacketCursor();
  #textBytes = 0;
  /** Words of the oldest and the newest time: comparing BigInts would make one per packet. */
  #minHigh = 0;
  #minLow = 0;
  #maxHigh = 0;
  #maxLow = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.#view = viewOf(bytes);
  }

  read(): Section {
    walkBlocks(this.#view, (type, start, length) => {
      if (type === BlockType.interfaceDescription) this.#interface(start, length);
      else if (type === BlockType.interfaceStatistics) this.#statistic(start, length);
      else if (type === BlockType.enhancedPacket) this.#packet(start, length);
      else if (type === BlockType.packet || type === BlockType.simplePacket) {
        throw strangePacket(type, start);
      }
      return true;
    });
    return {
      ...this.#header(),
      interfaces: this.#interfaces,
      statistics: this.#statistics,
      packets: this.#cursor.index + 1,
      tsMinNs: nsOfWords(this.#minHigh, this.#minLow),
      tsMaxNs: nsOfWords(this.#maxHigh, this.#maxLow),
    };
  }

  /** @returns where the first block behind the section header begins */
  begin(): number {
    return checkHeader(this.#view);
  }

  /** The interface whose block begins there. They are asked for in their order. */
  interfaceAt(start: number): SectionInterface {
    this.#interface(start, checkBlock(this.#view, start));
    return this.#interfaces.at(-1)!;
  }

  /** The packet of that number, whose block begins there. The same cursor each time. */
  packetAt(start: number, index: number): PacketCursor {
    place(this.#cursor, this.#view, start, checkBlock(this.#view, start), this.#interfaces.length);
    this.#cursor.index = index;
    return this.#cursor;
  }

  scan(visitor: SectionVisitor): void {
    const [view, cursor, interfaces] = [this.#view, this.#cursor, this.#interfaces];
    walkBlocks(view, (type, start, length) => {
      if (type === BlockType.enhancedPacket) {
        place(cursor, view, start, length, interfaces.length);
        visitor.packet(cursor);
      } else if (type === BlockType.interfaceDescription) {
        this.#interface(start, length);
        visitor.interface(interfaces.at(-1)!);
      } else if (type === BlockType.packet || type === BlockType.simplePacket) throw strangePacket(type, start);
      return true;
    });
  }

  #header(): SectionOrigin & Pick<Section, 'ledger'> {
    const header: Mutable<SectionOrigin> = {};
    let ledger: Record<string, string> | undefined;
    const { shb } = OptionCode;
    walkOptions(this.#view, SHB.options, this.#view.getUint32(4, true) - 4, (code, start, length) => {
      if (code === shb.hardware) header.hardware = this.#text(start, length);
      else if (code === shb.operatingSystem) header.operatingSystem = this.#text(start, length);
      else if (code === shb.application) header.application = this.#text(start, length);
      else if (code === LocalOption.ledger) ledger = readLedger(this.#text(start, length), start);
    });
    return { ...header, ledger };
  }

  #interface(start: number, length: number): void {
    if (length < IDB.options + 4) throw corruptSection(start, 'interface description block too short');
    if (this.#interfaces.length >= MAX_INTERFACES)
      throw corruptSection(start, `more than ${MAX_INTERFACES} interfaces`);
    const description: Mutable<InterfaceDescription> = {
      name: '',
      linkType: this.#view.getUint16(start + IDB.linkType, true),
    };
    let resolution = 6;
    const { idb } = OptionCode;
    walkOptions(this.#view, start + IDB.options, start + length - 4, (code, at, valueLength) => {
      if (code === idb.name) description.name = this.#text(at, valueLength);
      else if (code === idb.description) description.description = this.#text(at, valueLength);
      // The first octet says what the rest is: 0, an expression. Other kinds are not ours.
      else if (code === idb.filter && this.#byte(at, valueLength) === 0) {
        description.filter = this.#text(at + 1, valueLength - 1);
      } else if (code === idb.timeResolution) resolution = this.#byte(at, valueLength);
      else if (code === idb.timeOffset) throw corruptSection(at, 'if_tsoffset; times of a section are absolute');
      else if (code === LocalOption.moreDescription) {
        description.description = joined(description.description, this.#text(at, valueLength));
      } else if (code === LocalOption.digests)
        description.digests = joined(description.digests, this.#text(at, valueLength));
      else if (code === LocalOption.samplingWeights) description.samplingWeights = this.#u32s(at, valueLength);
      else if (code === LocalOption.direction) description.direction = this.#direction(at, valueLength);
    });
    if (resolution !== NANOSECOND_RESOLUTION) {
      throw corruptSection(start, `if_tsresol ${resolution}; times of a section are in ns`);
    }
    this.#interfaces.push(description);
  }

  #statistic(start: number, length: number): void {
    if (length < ISB.options + 4) throw corruptSection(start, 'interface statistics block too short');
    const interfaceId = this.#view.getUint32(start + ISB.interfaceId, true);
    if (interfaceId >= this.#interfaces.length) {
      throw corruptSection(start, `statistics of interface ${interfaceId} of ${this.#interfaces.length}`);
    }
    const counters: Mutable<SectionStatistics> = {
      interfaceId,
      received: 0n,
      droppedByInterface: 0n,
      dropped: 0n,
      delivered: 0n,
    };
    const { isb } = OptionCode;
    walkOptions(this.#view, start + ISB.options, start + length - 4, (code, at, valueLength) => {
      if (code === isb.received) counters.received = this.#u64(at, valueLength);
      else if (code === isb.droppedByInterface) counters.droppedByInterface = this.#u64(at, valueLength);
      else if (code === isb.dropped) counters.dropped = this.#u64(at, valueLength);
      else if (code === isb.delivered) counters.delivered = this.#u64(at, valueLength);
    });
    this.#statistics.push(counters);
  }

  #packet(start: number, length: number): void {
    place(this.#cursor, this.#view, start, length, this.#interfaces.length);
    const { atHigh, atLow, index } = this.#cursor;
    if (index === 0 || atHigh < this.#minHigh || (atHigh === this.#minHigh && atLow < this.#minLow)) {
      this.#minHigh = atHigh;
      this.#minLow = atLow;
    }
    if (index === 0 || atHigh > this.#maxHigh || (atHigh === this.#maxHigh && atLow > this.#maxLow)) {
      this.#maxHigh = atHigh;
      this.#maxLow = atLow;
    }
  }

  /** A zero octet ends a text early (3.5). Bytes that are not UTF-8 become U+FFFD. */
  #text(start: number, length: number): string {
    this.#textBytes += length;
    if (this.#textBytes > MAX_TEXT_BYTES) throw corruptSection(start, `more than ${MAX_TEXT_BYTES} bytes of text`);
    const value = this.bytes.subarray(start, start + length);
    const zero = value.indexOf(0);
    return this.#decoder.decode(zero < 0 ? value : value.subarray(0, zero));
  }

  #byte(at: number, length: number): number {
    if (length < 1) throw corruptSection(at, 'option without a value');
    return this.#view.getUint8(at);
  }

  #u32s(at: number, length: number): number[] {
    if (length === 0 || length % 4 !== 0) throw corruptSection(at, `${length} bytes for 32-bit numbers`);
    return Array.from({ length: length / 4 }, (_, index) => this.#view.getUint32(at + 4 * index, true));
  }

  #direction(at: number, length: number): 'in' | 'out' {
    const [direction] = this.#u32s(at, length);
    if (direction === Direction.in) return 'in';
    if (direction === Direction.out) return 'out';
    throw corruptSection(at, `direction ${direction}`);
  }

  #u64(at: number, length: number): bigint {
    if (length !== 8) throw corruptSection(at, `${length} bytes for a 64-bit option`);
    return this.#view.getBigUint64(at, true);
  }
}

/** A list in several options. */
const joined = (list: string | undefined, more: string): string => (list === undefined ? more : `${list},${more}`);

const strangePacket = (type: number, start: number): BpfleetError =>
  corruptSection(start, `block type ${type}; packets of a section are in enhanced packet blocks`);

function readLedger(text: string, at: number): Record<string, string> {
  let ledger: unknown;
  try {
    ledger = JSON.parse(text);
  } catch {
    throw corruptSection(at, 'the ledger is not JSON');
  }
  if (typeof ledger !== 'object' || ledger === null || Array.isArray(ledger)) {
    throw corruptSection(at, 'the ledger is not an object');
  }
  for (const [key, value] of Object.entries(ledger)) {
    if (typeof value !== 'string') throw corruptSection(at, `ledger member ${JSON.stringify(key)} is not a string`);
  }
  return ledger as Record<string, string>;
}
