import type { Dissection } from './dissection.js';
import { Protocol } from './protocol.js';
import { u16 } from './read-bytes.js';

/** RFC 9293, 3.1. */
const TCP = { dataOffset: 12, flags: 13, smallest: 20 } as const;
const UDP_BYTES = 8;
const SCTP_BYTES = 12;
const ICMP_BYTES = 8;

/** @param at first byte of the payload of a packet that is whole, or of its first fragment */
export function dissectTransport(bytes: Uint8Array, at: number, into: Dissection): void {
  switch (into.protocol) {
    case Protocol.TCP:
      into.transport = 'tcp';
      dissectTcp(bytes, at, into);
      return;
    case Protocol.UDP:
      into.transport = 'udp';
      dissectPorts(bytes, at, UDP_BYTES, into);
      return;
    case Protocol.SCTP:
      into.transport = 'sctp';
      dissectPorts(bytes, at, SCTP_BYTES, into);
      return;
    case Protocol.ICMP:
      // 1 inside IPv6 and 58 inside IPv4 are not ICMP of either kind (RFC 4443, 1).
      if (into.network !== 'ip') return;
      into.transport = 'icmp';
      dissectIcmp(bytes, at, into);
      return;
    case Protocol.ICMP6:
      if (into.network !== 'ip6') return;
      into.transport = 'icmp6';
      dissectIcmp(bytes, at, into);
      return;
    default:
      return;
  }
}

function dissectTcp(bytes: Uint8Array, at: number, into: Dissection): void {
  dissectPorts(bytes, at, TCP.smallest, into);
  if (!into.has(at, TCP.flags + 1)) return;
  into.tcpFlags = bytes[at + TCP.flags]!;
  const headerLength = (bytes[at + TCP.dataOffset]! >> 4) * 4;
  if (headerLength > TCP.smallest) advance(at, headerLength, into);
}

function dissectPorts(bytes: Uint8Array, at: number, headerLength: number, into: Dissection): void {
  into.transportOffset = at;
  advance(at, headerLength, into);
  if (!into.has(at, 4)) return;
  into.sourcePort = u16(bytes, at);
  into.destinationPort = u16(bytes, at + 2);
}

function dissectIcmp(bytes: Uint8Array, at: number, into: Dissection): void {
  into.transportOffset = at;
  advance(at, ICMP_BYTES, into);
  if (!into.has(at, 2)) return;
  into.icmpType = bytes[at]!;
  into.icmpCode = bytes[at + 1]!;
}

/** Moves the payload behind a header at `at`, where the payload began or a shorter header was believed to end. */
function advance(at: number, headerLength: number, into: Dissection): void {
  into.has(at, headerLength);
  const end = into.payloadOffset + into.payloadLength;
  into.payloadOffset = at + headerLength;
  into.payloadLength = Math.max(0, end - into.payloadOffset);
}
