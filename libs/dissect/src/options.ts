import type { Slice } from './slice.js';

const END = 0;
const NO_OPERATION = 1;

/**
 * Walks options as IPv4 and TCP have them (RFC 791, 3.1; RFC 9293, 3.1): a kind, and except for 0 and 1 a length that
 * counts both. 0 ends the list, and so does a length that cannot be.
 * @param visit gets the option's place, of at least 2 bytes but for kinds 0 and 1
 * @returns what is odd about the list, if anything is
 */
export function forEachOption(
  slice: Slice,
  at: number,
  end: number,
  visit: (kind: number, at: number, length: number) => void,
): string | undefined {
  while (at < end) {
    const kind = slice.u8(at);
    if (kind === END || kind === NO_OPERATION) {
      visit(kind, at, 1);
      if (kind === END) return undefined;
      at++;
      continue;
    }
    const length = at + 1 < end ? slice.u8(at + 1) : 0;
    if (length < 2 || at + length > end) return `option ${kind} at byte ${slice.start + at} does not fit`;
    visit(kind, at, length);
    at += length;
  }
  return undefined;
}
