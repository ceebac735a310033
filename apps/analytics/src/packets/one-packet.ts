import type { PacketDetail } from '@bpfleet/contract';
import { dissectPacket } from '@bpfleet/dissect';
import { forEachPacket, readSection } from '@bpfleet/section';
import type { StoredSection } from '@bpfleet/store';
import { filtersOf } from '../filter-labels.js';
import { PacketRows } from './packet-row.js';
import type { MatchedPacket } from './packet-scan.js';

/** One packet of a section by its place there; undefined when the section has fewer. */
export function packetAt({ agent, epoch, seq, body }: StoredSection, wanted: number): MatchedPacket | undefined {
  const { interfaces } = readSection(body);
  let found: MatchedPacket | undefined;
  forEachPacket(body, ({ index, interfaceId, atNs, start, capturedLength, wireLength }) => {
    if (index !== wanted) return true;
    const described = interfaces[interfaceId]!;
    const section = { agent, epoch, seq, body };
    const openInterface = { ...described, filters: filtersOf(described.description) };
    found = { section, interface: openInterface, index, atNs, start, capturedLength, wireLength };
    return false;
  });
  return found;
}

/** The packet in full: its row, its layers and its bytes. */
export function detailOf(packet: MatchedPacket): PacketDetail {
  const { section, start, capturedLength, wireLength } = packet;
  const bytes = section.body.subarray(start, start + capturedLength);
  const { linkType } = packet.interface;
  return {
    ...new PacketRows().rowOf(packet),
    layers: [...dissectPacket({ bytes, linkType, wireLength })],
    hex: Buffer.from(bytes).toString('hex'),
  };
}
