import { BLOCK, BlockType, EPB, LocalOption, padded, SNAPLEN_BYTES } from './format.js';
import { nsOfWords } from './time-words.js';
import { corruptSection, nextOption, viewOf, walkBlocks } from './walk-blocks.js';

/** One packet of a section: where it lies in the section's bytes. One object for the whole walk; copy what you keep. */
export class PacketCursor {
  /** Counts from 0 within the section. */
  index = -1;
  interfaceId = 0;
  /** Words of the time in Unix ns. */
  atHigh = 0;
  atLow = 0;
  /** Offset of the first captured byte in the bytes that are walked. */
  start = 0;
  capturedLength = 0;
  wireLength = 0;
  /** Bits of `PacketFlag`. */
  flags = 0;

  /** Unix time in ns, made anew at each read. */
  get atNs(): bigint {
    return nsOfWords(this.atHigh, this.atLow);
  }
}

/**
 * Visits each packet of one section in the order it was written, allocating nothing per packet.
 * @param visit gets the same cursor each time; false stops the walk
 * @throws BpfleetError `SECTION_CORRUPT`; packets before the fault were visited
 */
export function forEachPacket(bytes: Uint8Array, visit: (packet: PacketCursor) => boolean | undefined): void {
  const view = viewOf(bytes);
  const cursor = new PacketCursor();
  let interfaces = 0;
  walkBlocks(view, (type, start, length) => {
    switch (type) {
      case BlockType.enhancedPacket:
        place(cursor, view, start, length, interfaces);
        return visit(cursor) !== false;
      case BlockType.interfaceDescription:
        interfaces++;
        return true;
      case BlockType.packet:
      case BlockType.simplePacket:
        throw corruptSection(start, `block type ${type}; packets of a section are in enhanced packet blocks`);
      default:
        return true;
    }
  });
}

/** Reads the EPB at `start` (4.3) into the cursor, each field checked before it is believed. */
export function place(cursor: PacketCursor, view: DataView, start: number, length: number, interfaces: number): void {
  if (length < EPB.data + 4) throw corruptSection(start, 'enhanced packet block too short');
  const interfaceId = view.getUint32(start + EPB.interfaceId, true);
  if (interfaceId >= interfaces) throw corruptSection(start, `interface ${interfaceId} of ${interfaces}`);
  const captured = view.getUint32(start + EPB.captured, true);
  const wire = view.getUint32(start + EPB.wire, true);
  if (captured > SNAPLEN_BYTES || EPB.data + padded(captured) + 4 > length) {
    throw corruptSection(start, `${captured} captured bytes in a block of ${length}`);
  }
  if (wire < captured) throw corruptSection(start, `${captured} bytes captured of ${wire}`);
  const high = view.getUint32(start + EPB.timeHigh, true);
  if (high > 0x7fff_ffff) throw corruptSection(start, 'time past the year 2262');
  cursor.index++;
  cursor.interfaceId = interfaceId;
  cursor.atHigh = high;
  cursor.atLow = view.getUint32(start + EPB.timeLow, true);
  cursor.start = start + EPB.data;
  cursor.capturedLength = captured;
  cursor.wireLength = wire;
  cursor.flags = flagsOf(view, start + EPB.data + padded(captured), start + length - BLOCK.length);
}

function flagsOf(view: DataView, start: number, end: number): number {
  for (let at = start; at < end; ) {
    const next = nextOption(view, at, end);
    const code = view.getUint16(at, true);
    if (code === 0) return 0;
    if (code === LocalOption.flags) {
      if (view.getUint16(at + 2, true) !== 4) throw corruptSection(at, 'packet flags are not 4 bytes');
      return view.getUint32(at + 4, true);
    }
    at = next;
  }
  return 0;
}
