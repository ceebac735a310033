import { crc32 } from 'node:zlib';
import type { SectionHeader } from '@bpfleet/contract';
import { BpfleetError } from '@bpfleet/errors';
import { type CapturedPacket, SectionWriter, SNAPLEN_BYTES } from '@bpfleet/section';

/** What imported packets are stored under, in place of a filter: `--version import` finds them all. */
export const IMPORT_VERSION = 'import@1';

export interface ImportedSection {
  readonly header: SectionHeader;
  readonly value: Uint8Array;
}

/**
 * A section is closed at this size, about an agent's. Names do not count: under another one the file is cut the same. Nor
 * do directions: files were imported before these were read.
 */
const SECTION_BYTES = 48 * 1024;
/** What a packet takes besides its bytes, and an interface. */
const BLOCK_BYTES = 32;
const INTERFACE_BYTES = 256;
const MAX_PACKETS = 60_000;
const MAX_INTERFACES = 200;
/** Of an interface's name: systems allow less, a file that was made up may have 65,535. */
const MOST_NAME_CHARACTERS = 255;
/** An interface block each: in, out, and of packets that do not tell. */
const DIRECTIONS = 3;
/** With its name in UTF-8 and its statistics. */
const MOST_INTERFACE_BYTES = 1024;
/** Room for the largest packet behind a section that is just not full, for the longest names, and for the head. */
const CAPACITY_BYTES = SECTION_BYTES + SNAPLEN_BYTES + MAX_INTERFACES * DIRECTIONS * MOST_INTERFACE_BYTES + 32 * 1024;
const NS_PER_S = 1_000_000_000n;
const LAST_SECOND = 2n ** 32n - 1n;

/** Cuts the packets of a capture file into sections: the same file at the same packets, whenever and as whatever it comes. */
export class SectionCutter {
  readonly #writer = new SectionWriter({ application: 'bpfleet import', capacityBytes: CAPACITY_BYTES });
  /** Of the open section, by link type and name, and then by direction. */
  readonly #interfaces = new Map<string, Map<CapturedPacket['direction'], number>>();
  /** Of the open section, names aside. */
  #sizeBytes = 0;
  #sections = 0;
  #packets = 0;
  #skipped = 0;
  #span: { readonly firstNs: bigint; readonly lastNs: bigint } | undefined;

  /** @param name of packets whose file does not name their interface */
  constructor(
    private readonly agent: string,
    private readonly name: string,
  ) {
    this.#writer.begin();
  }

  /** Unix ns of the oldest and the newest packet; undefined: none. */
  get span() {
    return this.#span;
  }

  get counts() {
    return { packets: this.#packets, skipped: this.#skipped, sections: this.#sections };
  }

  /** The section that this packet fills, if it does. */
  add(packet: CapturedPacket): ImportedSection | undefined {
    this.#packets++;
    const { bytes, wireLength, atNs } = packet;
    if (atNs / NS_PER_S > LAST_SECOND) {
      this.#skipped++;
      return undefined;
    }
    const [seconds, nanoseconds] = [Number(atNs / NS_PER_S), Number(atNs % NS_PER_S)];
    const wire = Math.max(wireLength, bytes.length);
    const id = this.#interfaceOf(packet);
    const isWritten = this.#writer.append(id, seconds, nanoseconds, bytes, 0, bytes.length, wire, undefined, 0);
    if (id < 0 || !isWritten) {
      throw new BpfleetError('INTERNAL', `packet ${this.#packets} has no room in a section of ${CAPACITY_BYTES} bytes`);
    }
    this.#sizeBytes += BLOCK_BYTES + bytes.length;
    const isFull =
      this.#sizeBytes + INTERFACE_BYTES * this.#interfaces.size >= SECTION_BYTES ||
      this.#writer.packets >= MAX_PACKETS ||
      this.#interfaces.size >= MAX_INTERFACES;
    return isFull ? this.end() : undefined;
  }

  /** The section that is open, if it has packets. Its bytes are a copy. */
  end(): ImportedSection | undefined {
    const writer = this.#writer;
    if (writer.isEmpty) return undefined;
    const { packets, tsMinNs, tsMaxNs } = writer;
    const { firstNs, lastNs } = this.#span ?? { firstNs: tsMinNs, lastNs: tsMaxNs };
    this.#span = { firstNs: firstNs < tsMinNs ? firstNs : tsMinNs, lastNs: lastNs > tsMaxNs ? lastNs : tsMaxNs };
    const value = writer.finish({}).slice();
    writer.begin();
    this.#interfaces.clear();
    this.#sizeBytes = 0;
    const header = {
      ...{ agent: this.agent, epoch: 1, seq: this.#sections++, tsMinNs, tsMaxNs, packets },
      ...{ filters: [IMPORT_VERSION], crc32: crc32(value) },
    };
    return { header, value };
  }

  #interfaceOf({ linkType, interfaceName, direction }: CapturedPacket): number {
    const name = (interfaceName ?? this.name).slice(0, MOST_NAME_CHARACTERS);
    const key = `${linkType} ${name}`;
    const ids = this.#interfaces.get(key) ?? new Map<CapturedPacket['direction'], number>();
    const known = ids.get(direction);
    if (known !== undefined) return known;
    // Nobody's registry knows this version: the section itself says that every packet matched.
    const described = { name, linkType, description: IMPORT_VERSION, filter: 'len >= 0' };
    const id = this.#writer.addInterface(direction === undefined ? described : { ...described, direction });
    this.#interfaces.set(key, ids.set(direction, id));
    return id;
  }
}
