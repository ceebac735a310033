import type { Dissection } from './dissection.js';
import { u16 } from './read-bytes.js';

/**
 * The flow of an IP packet, one direction, as a key for a Map: addresses, ports and protocol as the code units of a
 * short string, 7 for IPv4 and 19 for IPv6, so that the string is all that is allocated. Equal keys are equal
 * 5-tuples and the other way round. Ports count as 0 where there are none: ICMP, later fragments, cut headers.
 * Two VLANs with the same addresses are one flow. Keys live within one process and are not stored.
 * @returns undefined for a packet without IP addresses, ARP too
 */
export function flowKeyOf(dissection: Dissection, bytes: Uint8Array): string | undefined {
  if (dissection.protocol < 0) return undefined;
  const source = dissection.sourceOffset;
  const destination = dissection.destinationOffset;
  const sourcePort = Math.max(0, dissection.sourcePort);
  const destinationPort = Math.max(0, dissection.destinationPort);
  if (dissection.addressLength === 4) {
    return String.fromCharCode(
      u16(bytes, source),
      u16(bytes, source + 2),
      u16(bytes, destination),
      u16(bytes, destination + 2),
      sourcePort,
      destinationPort,
      dissection.protocol,
    );
  }
  return String.fromCharCode(
    u16(bytes, source),
    u16(bytes, source + 2),
    u16(bytes, source + 4),
    u16(bytes, source + 6),
    u16(bytes, source + 8),
    u16(bytes, source + 10),
    u16(bytes, source + 12),
    u16(bytes, source + 14),
    u16(bytes, destination),
    u16(bytes, destination + 2),
    u16(bytes, destination + 4),
    u16(bytes, destination + 6),
    u16(bytes, destination + 8),
    u16(bytes, destination + 10),
    u16(bytes, destination + 12),
    u16(bytes, destination + 14),
    sourcePort,
    destinationPort,
    dissection.protocol,
  );
}
