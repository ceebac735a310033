import { endlessName, pastTheEnd } from './cut.js';
import type { Field } from './field.js';
import type { Layer } from './layer.js';
import { printable } from './printable.js';
import type { Slice } from './slice.js';

/** RFC 1035, 2.3.4. */
const MOST_NAME_BYTES = 255;
/** Each jump may only shorten a name's way, so more than a name has labels are a loop or an attack. */
const MOST_JUMPS = 127;
const ROOT = '<Root>';
const TOO_LONG = '<Name too long>';

export interface DomainName {
  /** Escaped, without the last dot. */
  readonly text: string;
  /** What stands at `at`: up to the end, or to the first pointer. */
  readonly lengthBytes: number;
}

/**
 * Reads a name with its compression (RFC 1035, 4.1.4). Work is bounded by the bytes that stand at `at` and by the length
 * that a name may have.
 * @param message a DNS message from its first byte, where pointers count from
 * @throws Cut `endlessName` where pointers only lead to pointers
 */
export function readDomainName(message: Slice, at: number): DomainName {
  const labels: string[] = [];
  let nameBytes = 1;
  let jumps = 0;
  let lengthBytes: number | undefined;
  for (let position = at; ; ) {
    const length = message.u8(position);
    const isPointer = length >= 0xc0;
    if (length === 0 || isPointer) lengthBytes ??= position + (isPointer ? 2 : 1) - at;
    if (nameBytes > MOST_NAME_BYTES && lengthBytes !== undefined) return { text: TOO_LONG, lengthBytes };
    if (length === 0) return { text: labels.join('.') || ROOT, lengthBytes: lengthBytes! };
    if (isPointer) {
      position = message.u16(position) & 0x3fff;
      if (++jumps > MOST_JUMPS) throw endlessName;
      continue;
    }
    // 01 and 10 in the upper bits are not labels (RFC 6891, 5).
    if (length > 63) throw pastTheEnd;
    message.need(position + 1, length);
    nameBytes += length + 1;
    if (nameBytes <= MOST_NAME_BYTES) labels.push(labelAt(message, position + 1, length));
    position += length + 1;
  }
}

/**
 * Reads a name and writes it as a field. Pointers count from the layer's start.
 * @returns where it ends
 */
export function writeDomainName(layer: Layer, which: Field, at: number): number {
  const { text, lengthBytes } = readDomainName(layer.slice, at);
  layer.add(which, at, lengthBytes, text);
  return at + lengthBytes;
}

function labelAt({ bytes, start }: Slice, at: number, length: number): string {
  return printable(bytes, start + at, start + at + length);
}
