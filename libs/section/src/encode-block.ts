import { BpfleetError } from '@bpfleet/errors';
import { BLOCK, MAX_OPTION_BYTES, padded } from './format.js';

const utf8 = new TextEncoder();

/** One option: its code and value without padding. */
export interface EncodedOption {
  readonly code: number;
  readonly value: Uint8Array;
}

export const textOption = (code: number, text: string): EncodedOption => ({ code, value: utf8.encode(text) });
/**
 * A list that is joined by commas, in as many options as it needs: the first has the first code, what follows the other one.
 * @throws BpfleetError `INTERNAL` when one item is longer than an option
 */
export function listOptions(code: number, moreCode: number, text: string): EncodedOption[] {
  const options: EncodedOption[] = [];
  const bytes = utf8.encode(text);
  for (let start = 0; start <= bytes.length; ) {
    const end = endOfItems(bytes, start);
    options.push({ code: start === 0 ? code : moreCode, value: bytes.subarray(start, end) });
    start = end + 1;
  }
  return options;
}

/** The comma behind the last item that an option from `start` on has room for, or the end. */
function endOfItems(bytes: Uint8Array, start: number): number {
  if (bytes.length - start <= MAX_OPTION_BYTES) return bytes.length;
  const comma = bytes.lastIndexOf(COMMA, start + MAX_OPTION_BYTES);
  if (comma > start) return comma;
  throw new BpfleetError('INTERNAL', `an item of a list is longer than ${MAX_OPTION_BYTES} bytes`);
}
const COMMA = 0x2c;

export const byteOption = (code: number, byte: number): EncodedOption => ({ code, value: Uint8Array.of(byte) });

export function u32sOption(code: number, numbers: readonly number[]): EncodedOption {
  const value = new Uint8Array(4 * numbers.length);
  const view = new DataView(value.buffer);
  for (const [index, number] of numbers.entries()) view.setUint32(4 * index, number, true);
  return { code, value };
}

const optionsBytes = (options: readonly EncodedOption[]): number =>
  options.length === 0 ? 0 : options.reduce((sum, { value }) => sum + 4 + padded(value.length), 4);

/**
 * Builds one little-endian block (3.1): type, length, body, options closed by opt_endofopt, length again.
 * Copies; for blocks that are rare. Packets of a section go through `SectionWriter.append`.
 * @throws BpfleetError `INTERNAL` when an option is longer than its 16-bit length can say
 */
export function encodeBlock(type: number, body: Uint8Array, options: readonly EncodedOption[]): Uint8Array {
  const optionsStart = BLOCK.body + padded(body.length);
  const length = optionsStart + optionsBytes(options) + 4;
  const block = new Uint8Array(length);
  const view = new DataView(block.buffer);
  view.setUint32(BLOCK.type, type, true);
  view.setUint32(BLOCK.length, length, true);
  block.set(body, BLOCK.body);
  let at = optionsStart;
  for (const { code, value } of options) {
    if (value.length > MAX_OPTION_BYTES) {
      throw new BpfleetError(
        'INTERNAL',
        `pcapng option ${code} has ${value.length} bytes; ${MAX_OPTION_BYTES} is the limit`,
      );
    }
    view.setUint16(at, code, true);
    view.setUint16(at + 2, value.length, true);
    block.set(value, at + 4);
    at += 4 + padded(value.length);
  }
  // opt_endofopt is four zero bytes, which a new array has.
  view.setUint32(length - 4, length, true);
  return block;
}
