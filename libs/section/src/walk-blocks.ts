import { BpfleetError } from '@bpfleet/errors';
import { BLOCK, BlockType, BYTE_ORDER_MAGIC, padded, SHB } from './format.js';

/** @param at byte offset from the section's start */
export function corruptSection(at: number, what: string): BpfleetError {
  return new BpfleetError('SECTION_CORRUPT', `pcapng section, byte ${at}: ${what}`);
}

export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/**
 * Visits each block after the SHB of one little-endian section, having checked that it lies within the bytes and that
 * its two lengths agree (3.1). Calls with numbers only, so a walk allocates nothing per block.
 * @param visit false stops the walk
 * @throws BpfleetError `SECTION_CORRUPT`; blocks before the fault were visited
 */
export function walkBlocks(view: DataView, visit: (type: number, start: number, length: number) => boolean): void {
  const headLength = checkHeader(view);
  for (let at = headLength; at < view.byteLength; ) {
    const length = checkBlock(view, at);
    const type = view.getUint32(at + BLOCK.type, true);
    if (type === BlockType.sectionHeader) throw corruptSection(at, 'a second section begins');
    if (!visit(type, at, length)) return;
    at += length;
  }
}

/** Checks the SHB (4.1) and gives its length. Sections of the bus are little-endian and of version 1. */
export function checkHeader(view: DataView): number {
  if (view.byteLength < SHB.options + 4) throw corruptSection(0, 'too short for a section header');
  if (view.getUint32(BLOCK.type, true) !== BlockType.sectionHeader) throw corruptSection(0, 'no section header');
  if (view.getUint32(SHB.magic, true) !== BYTE_ORDER_MAGIC) throw corruptSection(SHB.magic, 'not little-endian pcapng');
  if (view.getUint16(SHB.major, true) !== 1) throw corruptSection(SHB.major, 'not version 1');
  const length = checkBlock(view, 0);
  if (length < SHB.options + 4) throw corruptSection(0, 'section header block too short');
  const high = view.getUint32(SHB.sectionLength + 4, true);
  const low = view.getUint32(SHB.sectionLength, true);
  const isUnknown = high === 0xffff_ffff && low === 0xffff_ffff;
  if (!isUnknown && (high !== 0 || low !== view.byteLength - length)) {
    throw corruptSection(
      SHB.sectionLength,
      `section length ${low} (high word ${high}), ${view.byteLength - length} bytes follow`,
    );
  }
  return length;
}

/** Checks where it ends. @returns its length */
export function checkBlock(view: DataView, at: number): number {
  const rest = view.byteLength - at;
  if (rest < BLOCK.smallest) throw corruptSection(at, `${rest} bytes left, too few for a block`);
  const length = view.getUint32(at + BLOCK.length, true);
  if (length < BLOCK.smallest || length % 4 !== 0) throw corruptSection(at, `block length ${length}`);
  if (length > rest) throw corruptSection(at, `block length ${length}, ${rest} bytes are left`);
  const trailing = view.getUint32(at + length - 4, true);
  if (trailing !== length) throw corruptSection(at, `block length ${length} at its start, ${trailing} at its end`);
  return length;
}

/**
 * Visits each option in `[start, end)` (3.5) up to opt_endofopt or the end; a list may miss its terminator.
 * @throws BpfleetError `SECTION_CORRUPT` when an option reaches past `end`
 */
export function walkOptions(
  view: DataView,
  start: number,
  end: number,
  visit: (code: number, valueStart: number, valueLength: number) => void,
): void {
  for (let at = start; at < end; ) {
    const next = nextOption(view, at, end);
    const code = view.getUint16(at, true);
    if (code === 0) return;
    visit(code, at + 4, view.getUint16(at + 2, true));
    at = next;
  }
}

/** Where the option after the one at `at` begins, having checked that this one ends before `end`. */
export function nextOption(view: DataView, at: number, end: number): number {
  if (at + 4 > end) throw corruptSection(at, 'option cut off');
  const next = at + 4 + padded(view.getUint16(at + 2, true));
  if (next > end) throw corruptSection(at, 'option reaches past its block');
  return next;
}
