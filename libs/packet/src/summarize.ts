import type { Dissection } from './dissection.js';
import { formatAddress, formatMac } from './format-address.js';
import { protocolName } from './protocol.js';
import { u16 } from './read-bytes.js';
import { summarizeIcmp, summarizeIcmp6 } from './summarize-icmp.js';
import { summarizeTcp } from './summarize-tcp.js';

/**
 * One line about a packet in tcpdump's words, as `tcpdump -n -S -t` prints it. Other than tcpdump it stops at the transport
 * header, names VLANs (tcpdump does with `-e` only) and shows later fragments of IPv4 as those of IPv6.
 * @param bytes the bytes that were dissected
 */
export function summarize(dissection: Dissection, bytes: Uint8Array): string {
  return vlans(dissection) + network(dissection, bytes);
}

const vlans = ({ vlanId, innerVlanId }: Dissection): string =>
  (vlanId < 0 ? '' : `vlan ${vlanId}, `) + (innerVlanId < 0 ? '' : `vlan ${innerVlanId}, `);

function network(d: Dissection, bytes: Uint8Array): string {
  switch (d.network) {
    case 'ip':
      return `IP ${ip(d, bytes)}`;
    case 'ip6':
      return `IP6 ${ip(d, bytes)}`;
    case 'arp':
      return `ARP, ${arp(d, bytes)}`;
    case 'other':
      return d.etherType >= 0x600
        ? `ethertype 0x${d.etherType.toString(16).padStart(4, '0')}, length ${d.end - d.start}`
        : `${d.etherType < 0 ? 'not IP' : '802.3'}, length ${d.end - d.start}`;
    case 'none':
      return d.isTruncated ? '[|ether]' : `link type ${d.linkType}, length ${d.end - d.start}`;
  }
}

function ip(d: Dissection, bytes: Uint8Array): string {
  if (d.addressLength === 0) return `[|${d.network}]`;
  const source = formatAddress(bytes, d.sourceOffset, d.addressLength);
  const destination = formatAddress(bytes, d.destinationOffset, d.addressLength);
  const [from, to] =
    d.sourcePort < 0 ? [source, destination] : [`${source}.${d.sourcePort}`, `${destination}.${d.destinationPort}`];
  return `${from} > ${to}: ${payload(d, bytes)}`;
}

function payload(d: Dissection, bytes: Uint8Array): string {
  if (d.fragmentOffset > 0) return `frag (${d.fragmentOffset}|${d.payloadLength}) ${protocolName(d.protocol)}`;
  switch (d.transport) {
    case 'tcp':
      return summarizeTcp(d, bytes);
    case 'udp':
      return d.sourcePort < 0 || d.transportOffset + 8 > d.end ? '[|udp]' : `UDP, length ${udpLength(d, bytes)}`;
    case 'icmp':
      return summarizeIcmp(d, bytes);
    case 'icmp6':
      return summarizeIcmp6(d, bytes);
    case 'sctp':
      return `sctp, length ${d.payloadLength}`;
    case 'none':
      return d.isTruncated ? `[|${d.network}]` : `${protocolName(d.protocol)}, length ${d.payloadLength}`;
  }
}

/** Of the datagram, which of a first fragment is more than the fragment has; 0 is what IP says (RFC 2675, 4). */
function udpLength(d: Dissection, bytes: Uint8Array): number {
  const length = u16(bytes, d.transportOffset + 4);
  return length === 0 ? d.payloadLength : Math.max(0, length - 8);
}

function arp(d: Dissection, bytes: Uint8Array): string {
  if (d.networkLength < 0) return d.isTruncated ? '[|arp]' : 'not for IPv4';
  if (d.addressLength === 0) return '[|arp]';
  const sender = formatAddress(bytes, d.sourceOffset, 4);
  const target = formatAddress(bytes, d.destinationOffset, 4);
  const length = d.end - d.networkOffset;
  const operation = u16(bytes, d.networkOffset + 6);
  if (operation === 1) return `Request who-has ${target} tell ${sender}, length ${length}`;
  if (operation === 2) return `Reply ${sender} is-at ${formatMac(bytes, d.sourceOffset - 6)}, length ${length}`;
  return `operation ${operation}, length ${length}`;
}
