import {
  BLOCK,
  BlockType,
  BYTE_ORDER_MAGIC,
  Direction,
  EPB,
  IDB,
  OptionCode,
  PB,
  padded,
  SHB,
  SNAPLEN_BYTES,
  SPB,
} from '../format.js';
import { nsOfWords } from '../time-words.js';
import {
  type CapturedPacket,
  corruptFile,
  MAX_BLOCK_BYTES,
  normalLinkType,
  OTHER_VERSION,
  type RecordDecoder,
  storableNs,
} from './captured-packet.js';

interface FileInterface {
  readonly linkType: number;
  readonly snaplen: number;
  readonly name: string | undefined;
  /** ns = units * multiply / divide + offsetNs */
  readonly multiply: bigint;
  readonly divide: bigint;
  readonly offsetNs: bigint;
}

const MAX_INTERFACES = 65_535;
/** Of one section, all together: they stay in memory while the file streams by. */
const MAX_NAMES_BYTES = 1_048_576;

/** Any pcapng file: both byte orders, several sections, the three kinds of packet blocks. Other blocks are skipped. */
export class PcapngDecoder implements RecordDecoder {
  /** Type, length and the byte order magic, which the first block's length needs. */
  readonly headerBytes = BLOCK.smallest;
  readonly #decoder = new TextDecoder();
  #isLittle = true;
  #interfaces: FileInterface[] = [];
  #namesBytes = 0;

  recordBytes(view: DataView, at: number, fileOffset: number): number {
    if (view.getUint32(at, true) === BlockType.sectionHeader) this.#isLittle = isLittleEndian(view, at, fileOffset);
    const length = view.getUint32(at + BLOCK.length, this.#isLittle);
    if (length < BLOCK.smallest || length % 4 !== 0 || length > MAX_BLOCK_BYTES) {
      throw corruptFile(fileOffset, `block length ${length}`);
    }
    return length;
  }

  decode(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    length: number,
    fileOffset: number,
  ): CapturedPacket | undefined {
    const trailing = view.getUint32(at + length - 4, this.#isLittle);
    if (trailing !== length)
      throw corruptFile(fileOffset, `block length ${length} at its start, ${trailing} at its end`);
    const block = new Block(bytes, view, at, length, this.#isLittle, fileOffset);
    switch (view.getUint32(at, this.#isLittle)) {
      case BlockType.sectionHeader:
        this.#section(block);
        return undefined;
      case BlockType.interfaceDescription:
        this.#interface(block);
        return undefined;
      case BlockType.enhancedPacket:
        return this.#packet(block, block.u32(EPB.interfaceId));
      case BlockType.packet:
        return this.#packet(block, block.u16(PB.interfaceId));
      case BlockType.simplePacket:
        return this.#simplePacket(block);
      default:
        return undefined;
    }
  }

  #section(block: Block): void {
    block.needs(SHB.options);
    const major = block.u16(SHB.major);
    if (major !== 1) throw block.corrupt(`pcapng version ${major}; 1 is known`, OTHER_VERSION);
    this.#interfaces = [];
    this.#namesBytes = 0;
  }

  #interface(block: Block): void {
    block.needs(IDB.options);
    if (this.#interfaces.length >= MAX_INTERFACES) throw block.corrupt(`more than ${MAX_INTERFACES} interfaces`);
    let name: string | undefined;
    let scale = timeScale(6);
    let offsetNs = 0n;
    const { idb } = OptionCode;
    block.forEachOption(IDB.options, (code, start, length) => {
      if (code === idb.name) name = this.#name(block, start, length);
      else if (code === idb.timeResolution && length >= 1) scale = timeScale(block.u8(start));
      else if (code === idb.timeOffset && length >= 8) offsetNs = block.i64(start) * 1_000_000_000n;
    });
    const linkType = normalLinkType(block.u16(IDB.linkType));
    this.#interfaces.push({ linkType, snaplen: block.u32(IDB.snaplen), name, offsetNs, ...scale });
  }

  #name(block: Block, start: number, length: number): string {
    this.#namesBytes += length;
    if (this.#namesBytes > MAX_NAMES_BYTES) throw block.corrupt(`more than ${MAX_NAMES_BYTES} bytes of names`);
    return this.#decoder.decode(block.slice(start, length)).replace(/\0.*$/s, '');
  }

  /** EPB (4.3) and the obsolete PB (Appendix A) differ in the interface id only. */
  #packet(block: Block, interfaceId: number): CapturedPacket {
    block.needs(EPB.data);
    const from = this.#interfaces[interfaceId];
    if (!from) throw block.corrupt(`packet of interface ${interfaceId} of ${this.#interfaces.length}`);
    const units = nsOfWords(block.u32(EPB.timeHigh), block.u32(EPB.timeLow));
    const atNs = (units * from.multiply) / from.divide + from.offsetNs;
    const data = block.data(EPB.data, block.u32(EPB.captured));
    return {
      atNs: storableNs(atNs, block.fileOffset),
      linkType: from.linkType,
      bytes: data,
      wireLength: Math.max(block.u32(EPB.wire), data.length),
      interfaceName: from.name,
      direction: directionOf(block, EPB.data + padded(data.length)),
    };
  }

  /** SPB (4.4): always of interface 0, its captured length follows from the snaplen. */
  #simplePacket(block: Block): CapturedPacket {
    block.needs(SPB.data);
    const from = this.#interfaces[0];
    if (!from) throw block.corrupt('a packet before any interface');
    const wireLength = block.u32(SPB.wire);
    const captured = Math.min(wireLength, from.snaplen || SNAPLEN_BYTES);
    return {
      atNs: 0n,
      linkType: from.linkType,
      bytes: block.data(SPB.data, captured),
      wireLength,
      interfaceName: from.name,
      direction: undefined,
    };
  }
}

/** Of the flags among the options of a packet block (4.3.1, Appendix A): bits 0 and 1. */
function directionOf(block: Block, optionsStart: number): CapturedPacket['direction'] {
  let bits = 0;
  block.forEachOption(optionsStart, (code, start, length) => {
    if (code === OptionCode.epb.flags && length === 4) bits = block.u32(start) & 3;
  });
  return bits === Direction.in ? 'in' : bits === Direction.out ? 'out' : undefined;
}

function isLittleEndian(view: DataView, at: number, fileOffset: number): boolean {
  if (view.getUint32(at + SHB.magic, true) === BYTE_ORDER_MAGIC) return true;
  if (view.getUint32(at + SHB.magic, false) === BYTE_ORDER_MAGIC) return false;
  throw corruptFile(fileOffset + SHB.magic, 'no byte order magic');
}

/** `if_tsresol` (4.2): 10^-n s, with the top bit set 2^-n s. */
function timeScale(resolution: number): Pick<FileInterface, 'multiply' | 'divide'> {
  const exponent = BigInt(resolution & 0x7f);
  if (resolution & 0x80) return { multiply: 1_000_000_000n, divide: 1n << exponent };
  if (exponent <= 9n) return { multiply: 10n ** (9n - exponent), divide: 1n };
  return { multiply: 1n, divide: 10n ** (exponent - 9n) };
}

/** One block's fields by offset from its start; whoever reads a field called `needs` before. */
class Block {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly view: DataView,
    private readonly at: number,
    private readonly length: number,
    private readonly isLittle: boolean,
    readonly fileOffset: number,
  ) {}

  corrupt(what: string, hint?: string) {
    return corruptFile(this.fileOffset, what, hint);
  }

  needs(fixedBytes: number): void {
    if (this.length < fixedBytes + 4) throw this.corrupt(`block of ${this.length} bytes is too short for its type`);
  }

  u8 = (offset: number): number => this.view.getUint8(this.at + offset);
  u16 = (offset: number): number => this.view.getUint16(this.at + offset, this.isLittle);
  u32 = (offset: number): number => this.view.getUint32(this.at + offset, this.isLittle);
  i64 = (offset: number): bigint => this.view.getBigInt64(this.at + offset, this.isLittle);

  slice(offset: number, length: number): Uint8Array {
    return this.bytes.subarray(this.at + offset, this.at + offset + length);
  }

  data(offset: number, captured: number): Uint8Array {
    if (captured > SNAPLEN_BYTES || offset + padded(captured) + 4 > this.length) {
      throw this.corrupt(`${captured} captured bytes in a block of ${this.length}`);
    }
    return this.slice(offset, captured);
  }

  forEachOption(start: number, visit: (code: number, start: number, length: number) => void): void {
    const end = this.length - 4;
    for (let offset = start; offset < end; ) {
      if (offset + 4 > end) throw this.corrupt('option cut off');
      const code = this.u16(offset);
      if (code === OptionCode.end) return;
      const length = this.u16(offset + 2);
      if (offset + 4 + padded(length) > end) throw this.corrupt(`option ${code} reaches past its block`);
      visit(code, offset + 4, length);
      offset += 4 + padded(length);
    }
  }
}
