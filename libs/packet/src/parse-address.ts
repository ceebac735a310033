import { BpfleetError } from '@bpfleet/errors';

const invalid = (text: string, what: string) => new BpfleetError('REQUEST_INVALID', `"${text}" is not ${what}`);

/**
 * Reads `10.0.0.1`: four decimal numbers.
 * @throws BpfleetError `REQUEST_INVALID`
 */
export function parseIpv4(text: string): Uint8Array<ArrayBuffer> {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    throw invalid(text, 'an IPv4 address');
  }
  return Uint8Array.from(parts, Number);
}

/**
 * Reads an IPv6 address in any form of RFC 4291, 2.2: `2001:db8::1`, `::ffff:10.0.0.1`.
 * @throws BpfleetError `REQUEST_INVALID`
 */
export function parseIpv6(text: string): Uint8Array<ArrayBuffer> {
  const halves = text.split('::');
  // A dotted part may only be the address's last.
  const head = groupsOf(halves[0]!, text, halves.length === 1);
  const tail = groupsOf(halves[1] ?? '', text, true);
  const missing = 8 - head.length - tail.length;
  const isWhole = halves.length === 1 ? missing === 0 : halves.length === 2 && missing >= 1;
  if (!isWhole) throw invalid(text, 'an IPv6 address');
  const groups = [...head, ...Array.from({ length: missing }, () => 0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(half: string, text: string, mayEndDotted: boolean): number[] {
  if (half === '') return [];
  return half.split(':').flatMap((part, i, parts) => {
    if (mayEndDotted && part.includes('.') && i === parts.length - 1) {
      const [a, b, c, d] = parseIpv4(part);
      return [(a! << 8) | b!, (c! << 8) | d!];
    }
    if (!/^[0-9a-f]{1,4}$/i.test(part)) throw invalid(text, 'an IPv6 address');
    return [Number.parseInt(part, 16)];
  });
}

/** Reads either kind; the length of the result tells which it was. */
export const parseAddress = (text: string): Uint8Array<ArrayBuffer> =>
  text.includes(':') ? parseIpv6(text) : parseIpv4(text);

/**
 * Reads `02:00:00:00:00:01`.
 * @throws BpfleetError `REQUEST_INVALID`
 */
export function parseMac(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) throw invalid(text, 'a MAC address');
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}
