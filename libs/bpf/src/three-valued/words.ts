import { between, both, type Value } from './value.js';

export const ANY_BYTE = between(0, 255);

export const wholeOf = (size: number): number => 2 ** (8 * size) - 1;

/** Big-endian. */
export function joinedBytes(bytes: readonly Value[]): Value {
  let [low, high, known, bits] = [0, 0, 0xffff_ffff, 0];
  for (const byte of bytes) {
    low = low * 256 + byte.low;
    high = high * 256 + byte.high;
    known = ((known << 8) | (byte.known & 0xff)) >>> 0;
    bits = ((bits << 8) | byte.bits) >>> 0;
  }
  if (bytes.length < 4) known = (known | ~(2 ** (8 * bytes.length) - 1)) >>> 0;
  return both(between(low, high), { low: 0, high: 0xffff_ffff, known, bits }) as Value;
}

/** What a word shows of one of its bytes, counted from its last: of its interval only where the bytes before are known. */
export function byteOf({ low, high, known, bits }: Value, index: number): Value {
  const shift = 8 * index;
  const byte: Value = {
    low: 0,
    high: 255,
    known: (((known >>> shift) & 0xff) | ~0xff) >>> 0,
    bits: (bits >>> shift) & 0xff,
  };
  const isLeading = Math.floor(low / 2 ** (shift + 8)) === Math.floor(high / 2 ** (shift + 8));
  const [from, to] = isLeading ? [(low >>> shift) & 0xff, (high >>> shift) & 0xff] : [0, 255];
  return both(between(from, to), byte) as Value;
}
