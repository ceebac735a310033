import type { PacketExplanation } from '@bpfleet/contract';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { LinkType, linkTypeName } from '@bpfleet/packet';
import { type KnownPacket, termVerdicts } from '@bpfleet/pcap-filter';
import type { SectionInterface } from '@bpfleet/section';
import { filtersOf } from '../filter-labels.js';
import type { KnownVersions } from '../registry/known-versions.js';
import { directedPredicate } from './directed-predicate.js';
import { PACKET_TYPE } from './packet-direction.js';
import { packetPredicates } from './packet-predicate.js';
import type { Verdict } from './packet-verdict.js';
import type { StoredPacket } from './stored-packet.js';
import { copyWithoutTag, isTagMetadata, TAG_BYTES, TAG_OFFSET, tagOf } from './vlan-metadata.js';

/** Why each version that stored a packet did so, term by term. */
export function whyStored(
  bytes: Uint8Array,
  packet: StoredPacket,
  described: SectionInterface,
  versions: KnownVersions,
): PacketExplanation[] {
  const labels = filtersOf(described.description);
  const digests = described.digests?.split(',') ?? [];
  return labels.map((version, index) => {
    const digest = digests[index];
    const known = (digest === undefined ? undefined : versions.version(digest)) ?? versions.versionNamed(version);
    // The section itself names the expression, where it is of one version alone.
    const expression = known?.expression ?? (labels.length === 1 ? described.filter : undefined);
    const weight = described.samplingWeights?.[index];
    return {
      version,
      ...(digest === undefined ? {} : { digest }),
      ...(weight === undefined ? {} : { weight }),
      ...(expression === undefined
        ? { verdict: 'undecided', terms: [] }
        : explainedAsStored(expression, bytes, packet, described)),
    };
  });
}

/**
 * Why the expression of a request matches a stored packet, or does not.
 * @throws BpfleetError with the span in the expression
 */
export function whyMatched(
  expression: string,
  bytes: Uint8Array,
  packet: StoredPacket,
  described: SectionInterface,
): PacketExplanation {
  const { linkType, direction } = described;
  // As `packetPredicates`: bytes of a file, unless the kernel had the tag beside them. Not in a file, say, is the direction,
  // which the interface block tells: as the kernel saw it.
  const asFile = () => explanation(expression, { bytes, ...packet }, linkType, false);
  const asKernel = () => explanation(expression, kernelView(bytes, packet, described), linkType, true);
  const forms = isTagMetadata(packet) ? [asKernel] : [asFile, asKernel];
  return explained(expression, forms, () => packetPredicates(expression)(linkType, direction)(bytes, packet));
}

/** That a version's expression has a term that does not exist on this link type is no fault of the caller. */
function explainedAsStored(
  expression: string,
  bytes: Uint8Array,
  packet: StoredPacket,
  described: SectionInterface,
): PacketExplanation {
  const { linkType, direction } = described;
  const asKernel = () => explanation(expression, kernelView(bytes, packet, described), linkType, true);
  try {
    return explained(expression, [asKernel], () => directedPredicate(expression, linkType, direction)(bytes, packet));
  } catch (error) {
    if (!(error instanceof BpfleetError)) throw error;
    return { expression, verdict: 'undecided', terms: [] };
  }
}

/**
 * By the first form in which all terms exist on the packet's link type.
 * @param inOne the verdict alone, where they do in none, or are too many to show each
 */
function explained(
  expression: string,
  forms: readonly (() => PacketExplanation)[],
  inOne: () => Verdict,
): PacketExplanation {
  for (const form of forms) {
    try {
      return form();
    } catch (error) {
      if (hasCode(error, 'FILTER_TOO_LARGE')) break;
      if (!hasCode(error, 'FILTER_UNSUPPORTED')) throw error;
    }
  }
  return { expression, verdict: inOne(), terms: [] };
}

function explanation(expression: string, packet: KnownPacket, linkType: number, live: boolean): PacketExplanation {
  const { verdict, terms } = termVerdicts(expression, packet, { linkType: linkTypeName(linkType), live });
  return { expression, verdict, terms: terms.map(({ span, ...term }) => ({ ...span, ...term })) };
}

/** The packet as the program in the kernel had it, as far as that is known. */
function kernelView(bytes: Uint8Array, packet: StoredPacket, { linkType, direction }: SectionInterface): KnownPacket {
  const packetType = direction === undefined ? {} : { packetType: PACKET_TYPE[direction] };
  const { start, capturedLength, wireLength } = packet;
  if (isTagMetadata(packet) && capturedLength >= TAG_OFFSET + TAG_BYTES) {
    const stripped = new Uint8Array(capturedLength - TAG_BYTES);
    copyWithoutTag(bytes, packet, stripped);
    const { protocol, vlanTagPresent, vlanProtocol, vlanTci } = tagOf(bytes, start);
    return {
      bytes: stripped,
      start: 0,
      capturedLength: stripped.length,
      wireLength: wireLength - TAG_BYTES,
      metadata: { protocol, vlanTagPresent, vlanProtocol, vlanTci, ...packetType },
    };
  }
  const hasType = linkType === LinkType.EN10MB && capturedLength >= TAG_OFFSET + 2;
  const protocol = hasType ? { protocol: (bytes[start + TAG_OFFSET]! << 8) | bytes[start + TAG_OFFSET + 1]! } : {};
  // A tag in front of the cut: whether there was one is not known.
  const tag = isTagMetadata(packet) ? {} : { vlanTagPresent: false, vlanTci: 0, vlanProtocol: 0 };
  return { bytes, start, capturedLength, wireLength, metadata: { ...protocol, ...tag, ...packetType } };
}
