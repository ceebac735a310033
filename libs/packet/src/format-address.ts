import { u16 } from './read-bytes.js';

export function formatIpv4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups is `::`. */
export function formatIpv6(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => u16(bytes, at + 2 * i));
  // Section 5: an IPv4-mapped address keeps its dotted form.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIpv4(bytes, at + 12)}`;
  }
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > best.length) best = { start, length: end - start };
  }
  return best;
}

/** @param length 4 or 16 */
export function formatAddress(bytes: Uint8Array, at: number, length: number): string {
  return length === 16 ? formatIpv6(bytes, at) : formatIpv4(bytes, at);
}

export function formatMac(bytes: Uint8Array, at: number): string {
  return Array.from({ length: 6 }, (_, i) => bytes[at + i]!.toString(16).padStart(2, '0')).join(':');
}
