import { SNAPLEN_BYTES } from '../format.js';
import {
  type CapturedPacket,
  corruptFile,
  normalLinkType,
  OTHER_VERSION,
  type RecordDecoder,
} from './captured-packet.js';

/** Classic pcap: a 24-byte file header, then records of a 16-byte header and the bytes (draft-ietf-opsawg-pcap 4, 5). */
const HEADER = { major: 4, linkType: 20, length: 24 } as const;
const RECORD = { seconds: 0, fraction: 4, captured: 8, wire: 12, data: 16 } as const;

/** Magic numbers as read little-endian: is the file little-endian, ns per unit of the time's fraction. */
const magics = new Map<number, { isLittle: boolean; fractionNs: bigint }>([
  [0xa1b2c3d4, { isLittle: true, fractionNs: 1000n }],
  [0xd4c3b2a1, { isLittle: false, fractionNs: 1000n }],
  [0xa1b23c4d, { isLittle: true, fractionNs: 1n }],
  [0x4d3cb2a1, { isLittle: false, fractionNs: 1n }],
]);

export const isPcapMagic = (magic: number): boolean => magics.has(magic);

export class PcapDecoder implements RecordDecoder {
  readonly #isLittle: boolean;
  readonly #fractionNs: bigint;
  #linkType: number | undefined;

  constructor(magic: number) {
    const { isLittle, fractionNs } = magics.get(magic)!;
    this.#isLittle = isLittle;
    this.#fractionNs = fractionNs;
  }

  get headerBytes(): number {
    return this.#linkType === undefined ? HEADER.length : RECORD.data;
  }

  recordBytes(view: DataView, at: number, fileOffset: number): number {
    if (this.#linkType === undefined) return HEADER.length;
    const captured = view.getUint32(at + RECORD.captured, this.#isLittle);
    if (captured > SNAPLEN_BYTES)
      throw corruptFile(fileOffset, `a packet of ${captured} bytes; ${SNAPLEN_BYTES} is the limit`);
    return RECORD.data + captured;
  }

  decode(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    length: number,
    fileOffset: number,
  ): CapturedPacket | undefined {
    if (this.#linkType === undefined) {
      this.#begin(view, at, fileOffset);
      return undefined;
    }
    const seconds = BigInt(view.getUint32(at + RECORD.seconds, this.#isLittle));
    const fraction = BigInt(view.getUint32(at + RECORD.fraction, this.#isLittle));
    const data = bytes.subarray(at + RECORD.data, at + length);
    return {
      atNs: seconds * 1_000_000_000n + fraction * this.#fractionNs,
      linkType: this.#linkType,
      bytes: data,
      // Some writers give 0 or the cut length; a packet is never shorter than what was captured of it.
      wireLength: Math.max(view.getUint32(at + RECORD.wire, this.#isLittle), data.length),
      interfaceName: undefined,
      direction: undefined,
    };
  }

  #begin(view: DataView, at: number, fileOffset: number): void {
    const major = view.getUint16(at + HEADER.major, this.#isLittle);
    if (major !== 2) throw corruptFile(fileOffset + HEADER.major, `pcap version ${major}; 2 is known`, OTHER_VERSION);
    // The upper bits of the field tell the FCS length.
    this.#linkType = normalLinkType(view.getUint32(at + HEADER.linkType, this.#isLittle) & 0xffff);
  }
}
