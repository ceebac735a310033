import { parseAddress } from '../parse-address.js';
import { bytesU32, concatenate } from './bytes.js';

/** The Internet checksum (RFC 1071): complement of the ones' complement sum of 16-bit words. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  const bytes = concatenate(...parts);
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000);
  return ~sum & 0xffff;
}

/** Whose addresses a transport checksum covers. */
export interface Endpoints {
  readonly source: string;
  readonly destination: string;
}

/** The pseudo header in front of TCP, UDP and ICMPv6 (RFC 9293, 3.1; RFC 8200, 8.1), of IPv4 or IPv6 by the address. */
export function pseudoHeader({ source, destination }: Endpoints, protocol: number, lengthBytes: number): Uint8Array {
  const from = parseAddress(source);
  const to = parseAddress(destination);
  const tail = from.length === 4 ? bytesU32((protocol << 16) | lengthBytes) : bytesU32(lengthBytes, protocol);
  return concatenate(from, to, tail);
}
