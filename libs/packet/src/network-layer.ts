import type { Dissection } from './dissection.js';
import { Protocol } from './protocol.js';
import { u16 } from './read-bytes.js';
import { dissectTransport } from './transport-layer.js';

/** `struct iphdr`, RFC 791, 3.1. */
const IP = { length: 2, fragment: 6, protocol: 9, source: 12, destination: 16, smallest: 20 } as const;
/** RFC 8200, 3. */
const IP6 = { payloadLength: 4, nextHeader: 6, source: 8, destination: 24, length: 40 } as const;
/** RFC 826, for Ethernet and IPv4: hardware type 1, protocol 0x0800, lengths 6 and 4. */
const ARP = { protocol: 2, lengths: 4, sender: 14, target: 24, length: 28 } as const;

export function dissectIp(bytes: Uint8Array, at: number, into: Dissection): void {
  into.network = 'ip';
  into.networkOffset = at;
  if (!into.has(at, IP.smallest)) return;
  const headerLength = (bytes[at]! & 0xf) * 4;
  if (bytes[at]! >> 4 !== 4 || headerLength < IP.smallest) {
    into.network = 'other';
    return;
  }
  const length = u16(bytes, at + IP.length);
  // 0 where the card segments what it sends (TSO, BIG TCP): all that was captured belongs to it.
  into.networkLength = length === 0 ? into.end - at : length;
  into.addressLength = 4;
  into.sourceOffset = at + IP.source;
  into.destinationOffset = at + IP.destination;
  into.protocol = bytes[at + IP.protocol]!;
  const fragment = u16(bytes, at + IP.fragment);
  into.fragmentOffset = (fragment & 0x1fff) * 8;
  into.hasMoreFragments = (fragment & 0x2000) !== 0;
  dissectPayload(bytes, at + headerLength, at + into.networkLength, into);
}

export function dissectIp6(bytes: Uint8Array, at: number, into: Dissection): void {
  into.network = 'ip6';
  into.networkOffset = at;
  if (!into.has(at, IP6.length)) return;
  if (bytes[at]! >> 4 !== 6) {
    into.network = 'other';
    return;
  }
  const payloadLength = u16(bytes, at + IP6.payloadLength);
  into.addressLength = 16;
  into.sourceOffset = at + IP6.source;
  into.destinationOffset = at + IP6.destination;
  into.protocol = bytes[at + IP6.nextHeader]!;
  // A jumbogram says 0 and has its length in a hop-by-hop option (RFC 2675, 2): all that was captured belongs to it.
  const isJumbo = payloadLength === 0 && into.protocol === Protocol.IPV6_HOP_BY_HOP;
  into.networkLength = isJumbo ? into.end - at : IP6.length + payloadLength;
  const payload = skipExtensionHeaders(bytes, at + IP6.length, into);
  if (payload >= 0) dissectPayload(bytes, payload, at + into.networkLength, into);
}

/**
 * Walks hop-by-hop, routing, destination options, fragment and authentication headers (RFC 8200, 4; RFC 4302), each at
 * least 8 bytes, so the captured bytes bound the walk. Leaves the first other protocol in `into.protocol`.
 * @returns offset behind them, or -1 when the bytes end before
 */
function skipExtensionHeaders(bytes: Uint8Array, at: number, into: Dissection): number {
  for (;;) {
    const header = into.protocol;
    const isOptions =
      header === Protocol.IPV6_HOP_BY_HOP || header === Protocol.IPV6_ROUTING || header === Protocol.IPV6_OPTIONS;
    if (!isOptions && header !== Protocol.IPV6_FRAGMENT && header !== Protocol.AH) return at;
    if (!into.has(at, 8)) return -1;
    into.protocol = bytes[at]!;
    if (header === Protocol.IPV6_FRAGMENT) {
      const fragment = u16(bytes, at + 2);
      into.fragmentOffset = fragment & 0xfff8;
      into.hasMoreFragments = (fragment & 1) !== 0;
      at += 8;
      // What follows a later fragment's header are bytes from the middle of the packet.
      if (into.fragmentOffset !== 0) return at;
    } else if (header === Protocol.AH) at += (bytes[at + 1]! + 2) * 4;
    else at += (bytes[at + 1]! + 1) * 8;
  }
}

/** @param networkEnd where the network header says that the packet ends */
function dissectPayload(bytes: Uint8Array, at: number, networkEnd: number, into: Dissection): void {
  into.payloadOffset = at;
  into.payloadLength = Math.max(0, networkEnd - at);
  if (into.fragmentOffset === 0) dissectTransport(bytes, at, into);
}

export function dissectArp(bytes: Uint8Array, at: number, into: Dissection): void {
  into.network = 'arp';
  into.networkOffset = at;
  if (!into.has(at, 8)) return;
  if (u16(bytes, at + ARP.protocol) !== 0x0800 || u16(bytes, at + ARP.lengths) !== 0x0604) return;
  into.networkLength = ARP.length;
  if (!into.has(at, ARP.length)) return;
  into.addressLength = 4;
  into.sourceOffset = at + ARP.sender;
  into.destinationOffset = at + ARP.target;
}
