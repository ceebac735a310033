import { formatInstantNs, type PacketRow } from '@bpfleet/contract';
import { Dissection, dissect, formatAddress, linkTypeName, protocolName, summarize } from '@bpfleet/packet';
import { packetId } from './packet-id.js';
import type { MatchedPacket } from './packet-scan.js';

/** Shows packets as rows; one dissection serves them all. */
export class PacketRows {
  readonly #dissection = new Dissection();

  rowOf(packet: MatchedPacket): PacketRow {
    const {
      section,
      interface: { name, linkType, filters },
      start,
      capturedLength,
      wireLength,
    } = packet;
    const dissection = this.#dissection;
    dissect(section.body, start, capturedLength, linkType, dissection);
    return {
      id: packetId(section, packet.index),
      at: formatInstantNs(packet.atNs),
      agent: section.agent,
      interface: name,
      filters: [...filters],
      linkType: linkTypeName(linkType),
      lengthBytes: wireLength,
      capturedBytes: capturedLength,
      protocol: nameOf(dissection),
      ...endpoints(dissection, section.body),
      summary: summarize(dissection, section.body),
    };
  }
}

/** The innermost protocol that was found: `tcp`, `arp`, or an EtherType. */
function nameOf({ protocol, network, etherType, linkType }: Dissection): string {
  if (protocol >= 0) return protocolName(protocol);
  if (network === 'other') return `0x${etherType.toString(16).padStart(4, '0')}`;
  return network === 'none' ? linkTypeName(linkType).toLowerCase() : network;
}

function endpoints(dissection: Dissection, bytes: Uint8Array): Partial<PacketRow> {
  const { addressLength, sourceOffset, destinationOffset, sourcePort, destinationPort } = dissection;
  if (addressLength === 0) return {};
  return {
    ...(sourceOffset >= 0 ? { source: formatAddress(bytes, sourceOffset, addressLength) } : {}),
    ...(sourcePort >= 0 ? { sourcePort } : {}),
    ...(destinationOffset >= 0 ? { destination: formatAddress(bytes, destinationOffset, addressLength) } : {}),
    ...(destinationPort >= 0 ? { destinationPort } : {}),
  };
}
