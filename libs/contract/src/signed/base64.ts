import { BpfleetError } from '@bpfleet/errors';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
/** Of each character code its six bits; 255 where there are none. Both alphabets of RFC 4648, as DSSE asks for. */
const VALUES = new Uint8Array(128).fill(255);
for (let value = 0; value < 64; value++) VALUES[ALPHABET.charCodeAt(value)] = value;
VALUES['-'.charCodeAt(0)] = 62;
VALUES['_'.charCodeAt(0)] = 63;

const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const PADDING = '='.charCodeAt(0);
const ascii = new TextDecoder();

/**
 * RFC 4648, section 4, padded. By way of an array: V8 keeps a text that grew by single characters as a tree of its parts, 40 bytes
 * for each byte that was encoded, and of a bundle that was three megabytes.
 */
export function toBase64(bytes: Uint8Array): string {
  const codes = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  let end = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const word = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    codes[end++] = CODES[word >> 18]!;
    codes[end++] = CODES[(word >> 12) & 63]!;
    codes[end++] = left > 1 ? CODES[(word >> 6) & 63]! : PADDING;
    codes[end++] = left > 2 ? CODES[word & 63]! : PADDING;
  }
  return ascii.decode(codes);
}

/**
 * Reads either alphabet, with or without padding. One sequence of bytes has one text per alphabet: bits that belong to no
 * byte must be 0.
 * @throws BpfleetError `DOCUMENT_INVALID`
 */
export function fromBase64(text: string): Uint8Array {
  const length = text.length - (text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0);
  if (length % 4 === 1 || (length !== text.length && text.length % 4 !== 0)) throw notBase64('its length is wrong');
  const bytes = new Uint8Array(Math.floor((length * 3) / 4));
  let word = 0;
  let bits = 0;
  let at = 0;
  for (let index = 0; index < length; index++) {
    const value = VALUES[text.charCodeAt(index)] ?? 255;
    if (value === 255) throw notBase64(`character ${index + 1} is none of the alphabet`);
    word = ((word << 6) | value) & 0xffffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = word >> bits;
  }
  if ((word & ((1 << bits) - 1)) !== 0) throw notBase64('bits behind the last byte are set');
  return bytes;
}

const notBase64 = (why: string): BpfleetError => new BpfleetError('DOCUMENT_INVALID', `this is no base64: ${why}`);
