import type { PacketDetail } from '@bpfleet/contract';
import { dissectPacket } from '@bpfleet/dissect';
import { forEachPacket, readSection } from '@bpfleet/section';
import type { StoredSection } from '@bpfleet/store';
import { filtersOf } from '../filter-labels.js';
import type { KnownVersions } from '../registry/known-versions.js';
import { PacketRows } from './packet-row.js';
import type { MatchedPacket } from './packet-scan.js';
import { whyMatched, whyStored } from './why-it-matched.js';

/** With the bits of `PacketFlag`. */
export type FoundPacket = MatchedPacket & { readonly flags: number };

/** One packet of a section by its place there; undefined when the section has fewer. */
export function packetAt({ agent, epoch, seq, body }: StoredSection, wanted: number): FoundPacket | undefined {
  const { interfaces } = readSection(body);
  let found: FoundPacket | undefined;
  forEachPacket(body, ({ index, interfaceId, atNs, start, capturedLength, wireLength, flags }) => {
    if (index !== wanted) return true;
    const described = interfaces[interfaceId]!;
    const section = { agent, epoch, seq, body };
    const openInterface = { ...described, filters: filtersOf(described.description) };
    found = { section, interface: openInterface, index, atNs, start, capturedLength, wireLength, flags };
    return false;
  });
  return found;
}

/**
 * The packet in full: its row, its layers, why it matched, and its bytes.
 * @param filter an expression to explain, too
 * @throws BpfleetError with the span in that expression
 */
export function detailOf(packet: FoundPacket, versions: KnownVersions, filter: string | undefined): PacketDetail {
  const { section, start, capturedLength, wireLength, interface: described } = packet;
  const bytes = section.body.subarray(start, start + capturedLength);
  const { linkType } = described;
  const why = whyStored(section.body, packet, described, versions);
  if (filter !== undefined) why.push(whyMatched(filter, section.body, packet, described));
  return {
    ...new PacketRows().rowOf(packet),
    layers: [...dissectPacket({ bytes, linkType, wireLength })],
    why,
    hex: Buffer.from(bytes).toString('hex'),
  };
}
