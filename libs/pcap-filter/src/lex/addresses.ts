import type { Words } from './token.js';

/**
 * `1.2`, `1.2.3` or `1.2.3.4`: the parts in the top bits, as libpcap's `__pcap_atoin` reads them (always decimal).
 * Undefined when a part is above 255.
 */
export function readIpv4(text: string): { address: number; bits: number } | undefined {
  const parts = text.split('.').map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  const bits = parts.length * 8;
  const packed = parts.reduce((address, part) => address * 256 + part, 0);
  return { address: packed * 2 ** (32 - bits), bits };
}

/** `1.2.3.4`, and nothing else, without making anything on the way: lists hold a hundred thousand of them. */
export function readDottedQuad(text: string): number | undefined {
  let address = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT && digits > 0 && dots < 3) {
      address = address * 256 + part;
      part = digits = 0;
      dots++;
    } else if (code >= ZERO && code <= NINE && digits < 3) {
      part = part * 10 + code - ZERO;
      digits++;
      if (part > 255) return undefined;
    } else {
      return undefined;
    }
  }
  return dots === 3 && digits > 0 ? address * 256 + part : undefined;
}

const [DOT, ZERO, NINE] = [0x2e, 0x30, 0x39];

/** A decimal number of up to nine digits that is no octal one. */
export function readShortNumber(text: string): number | undefined {
  if (text.length > 9 || (text.length > 1 && text.charCodeAt(0) === ZERO)) return undefined;
  let number = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < ZERO || code > NINE) return undefined;
    number = number * 10 + code - ZERO;
  }
  return number;
}

/** Any spelling `inet_pton` takes, with `::` and with an IPv4 address at the end. Undefined when it is none. */
export function readIpv6(text: string): Words | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = readGroups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? readGroups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  const word = (index: number) => (groups[index * 2] ?? 0) * 0x1_0000 + (groups[index * 2 + 1] ?? 0);
  return [word(0), word(1), word(2), word(3)];
}

/** The 16-bit groups of one side of `::`; an IPv4 address may stand last where `isLast`. */
function readGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (/^[0-9A-Fa-f]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      const embedded = isLast && index === parts.length - 1 && /^\d{1,3}(\.\d{1,3}){3}$/.test(part);
      const ipv4 = embedded ? readIpv4(part) : undefined;
      if (ipv4 === undefined) return undefined;
      groups.push(Math.floor(ipv4.address / 0x1_0000), ipv4.address % 0x1_0000);
    }
  }
  return groups;
}

const MAC_FORMS = [
  /^[0-9A-Fa-f]{1,2}([-.:])(?:[0-9A-Fa-f]{1,2}\1){4}[0-9A-Fa-f]{1,2}$/,
  /^(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}$/,
  /^[0-9A-Fa-f]{12}$/,
];

/** `a:b:c:d:e:f`, also with `-` or `.`, `aabb.ccdd.eeff` or twelve digits. Undefined when it is none of them. */
export function readMac(text: string): number[] | undefined {
  if (!MAC_FORMS.some((form) => form.test(text))) return undefined;
  const parts = text.split(/[-.:]/);
  const digits = parts.length === 6 ? parts.map((part) => part.padStart(2, '0')).join('') : parts.join('');
  return Array.from({ length: 6 }, (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16));
}
