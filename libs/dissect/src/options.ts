import type { Layer } from './layer.js';

const END = 0;
const NO_OPERATION = 1;

/**
 * Walks options as IPv4 and TCP have them (RFC 791, 3.1; RFC 9293, 3.1): a kind, and except for 0 and 1 a length that
 * counts both. 0 ends the list. A length that cannot be ends the walk, and is said.
 * @param visit gets the option's place, of at least 2 bytes but for kinds 0 and 1
 */
export function forEachOption(
  layer: Layer,
  at: number,
  end: number,
  visit: (kind: number, at: number, length: number) => void,
): void {
  while (at < end) {
    const kind = layer.slice.u8(at);
    if (kind === END || kind === NO_OPERATION) {
      visit(kind, at, 1);
      if (kind === END) return;
      at++;
      continue;
    }
    const length = at + 1 < end ? layer.slice.u8(at + 1) : 0;
    if (length < 2 || at + length > end) {
      layer.odd(`option ${kind} at byte ${layer.slice.start + at} does not fit`);
      return;
    }
    visit(kind, at, length);
    at += length;
  }
}
