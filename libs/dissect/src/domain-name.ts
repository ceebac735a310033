import { endlessName, pastTheEnd } from './cut.js';
import { printable } from './printable.js';
import type { Slice } from './slice.js';

/** RFC 1035, 2.3.4. */
const MOST_NAME_BYTES = 255;
/** Each jump may only shorten a name's way, so more than a name has labels are a loop or an attack. */
const MOST_JUMPS = 127;

export interface DomainName {
  /** Escaped, without the last dot; `<Root>` for the root. */
  readonly text: string;
  /** What stands at `at`: up to the end, or to the first pointer. */
  readonly lengthBytes: number;
}

/**
 * Reads a name with its compression (RFC 1035, 4.1.4).
 * @param message a DNS message from its first byte, where pointers count from
 * @throws Cut `endlessName` where pointers go round or a name is longer than any may be
 */
export function readDomainName(message: Slice, at: number): DomainName {
  const labels: string[] = [];
  let nameBytes = 1;
  let jumps = 0;
  let lengthBytes: number | undefined;
  for (let position = at; ; ) {
    const length = message.u8(position);
    if (length === 0) {
      lengthBytes ??= position + 1 - at;
      return { text: labels.length === 0 ? '<Root>' : labels.join('.'), lengthBytes };
    }
    if (length >= 0xc0) {
      lengthBytes ??= position + 2 - at;
      position = message.u16(position) & 0x3fff;
      if (++jumps > MOST_JUMPS) throw endlessName;
      continue;
    }
    // 01 and 10 in the upper bits are not labels (RFC 6891, 5).
    if (length > 63) throw pastTheEnd;
    message.need(position + 1, length);
    nameBytes += length + 1;
    if (nameBytes > MOST_NAME_BYTES) throw endlessName;
    const start = message.start + position + 1;
    labels.push(printable(message.bytes, start, start + length));
    position += length + 1;
  }
}
