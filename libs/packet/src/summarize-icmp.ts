import { dissect } from './dissect.js';
import { Dissection } from './dissection.js';
import { formatAddress, formatIpv6 } from './format-address.js';
import { LinkType } from './link-type.js';
import { protocolName } from './protocol.js';
import { u16 } from './read-bytes.js';

/** `ICMP echo request, id 1, seq 1, length 64`, `ICMP 10.0.0.2 udp port 9 unreachable, length 36` */
export function summarizeIcmp(d: Dissection, bytes: Uint8Array): string {
  if (d.icmpCode < 0) return '[|icmp]';
  return `ICMP ${icmpText(d, bytes)}, length ${messageLength(d)}`;
}

function icmpText(d: Dissection, bytes: Uint8Array): string {
  switch (d.icmpType) {
    case 0:
      return `echo reply${echo(d, bytes)}`;
    case 3:
      return unreachable(d, bytes);
    case 8:
      return `echo request${echo(d, bytes)}`;
    case 11:
      return d.icmpCode === 0 ? 'time exceeded in-transit' : 'ip reassembly time exceeded';
    default:
      return `type-#${d.icmpType}`;
  }
}

/** Names what could not be reached, from the packet that the message returns (RFC 792). */
function unreachable(d: Dissection, bytes: Uint8Array): string {
  const inner = new Dissection();
  dissect(bytes, d.payloadOffset, Math.max(0, d.end - d.payloadOffset), LinkType.RAW, inner);
  if (inner.addressLength === 0) return 'unreachable';
  const host = formatAddress(bytes, inner.destinationOffset, inner.addressLength);
  switch (d.icmpCode) {
    case 0:
      return `net ${host} unreachable`;
    case 1:
      return `host ${host} unreachable`;
    case 2:
      return `${host} protocol ${inner.protocol} unreachable`;
    case 3:
      if (inner.destinationPort < 0) return `${host} port unreachable`;
      return `${host} ${protocolName(inner.protocol)} port ${inner.destinationPort} unreachable`;
    case 4:
      return `${host} unreachable - need to frag (mtu ${u16(bytes, d.transportOffset + 6)})`;
    case 13:
      return `host ${host} unreachable - admin prohibited filter`;
    default:
      return `${host} unreachable, code ${d.icmpCode}`;
  }
}

const icmp6Names = new Map<number, string>([
  [1, 'destination unreachable'],
  [2, 'packet too big'],
  [3, 'time exceeded'],
  [4, 'parameter problem'],
  [128, 'echo request'],
  [129, 'echo reply'],
  [130, 'multicast listener query'],
  [131, 'multicast listener report'],
  [132, 'multicast listener done'],
  [133, 'router solicitation'],
  [134, 'router advertisement'],
  [135, 'neighbor solicitation'],
  [136, 'neighbor advertisement'],
  [137, 'redirect'],
  [143, 'multicast listener report v2'],
]);

/** `ICMP6, neighbor solicitation, who has fe80::1, length 32` */
export function summarizeIcmp6(d: Dissection, bytes: Uint8Array): string {
  if (d.icmpCode < 0) return '[|icmp6]';
  const name = icmp6Names.get(d.icmpType) ?? `type-#${d.icmpType}`;
  return `ICMP6, ${name}${icmp6Detail(d, bytes)}, length ${messageLength(d)}`;
}

function icmp6Detail(d: Dissection, bytes: Uint8Array): string {
  if (d.icmpType === 128 || d.icmpType === 129) return echo(d, bytes);
  // The target follows the message's first 8 bytes (RFC 4861, 4.3 and 4.4).
  const hasTarget = d.transportOffset + 24 <= d.end;
  if (d.icmpType === 135 && hasTarget) return `, who has ${formatIpv6(bytes, d.transportOffset + 8)}`;
  if (d.icmpType === 136 && hasTarget) return `, tgt is ${formatIpv6(bytes, d.transportOffset + 8)}`;
  return '';
}

function echo(d: Dissection, bytes: Uint8Array): string {
  if (d.transportOffset + 8 > d.end) return '';
  return `, id ${u16(bytes, d.transportOffset + 4)}, seq ${u16(bytes, d.transportOffset + 6)}`;
}

/** With the 8 bytes of the header. */
const messageLength = (d: Dissection): number => Math.max(0, d.payloadOffset + d.payloadLength - d.transportOffset);
