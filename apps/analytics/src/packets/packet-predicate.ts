import { jitThreeValued, type PacketFunction, type PacketMetadata, UNDECIDED } from '@bpfleet/bpf';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { LinkType, linkTypeName } from '@bpfleet/packet';
import { type CompileOptions, compileWithSets, supportedLinkTypes } from '@bpfleet/pcap-filter';
import { directedPredicate } from './directed-predicate.js';
import type { Direction } from './packet-direction.js';
import type { PacketPredicate, PacketPredicates, Verdict } from './packet-verdict.js';
import type { StoredPacket } from './stored-packet.js';
import { copyWithoutTag, isTagMetadata, TAG_BYTES, TAG_OFFSET, tagOf } from './vlan-metadata.js';

/**
 * What an expression means for stored packets of each link type, compiled when the first of them comes.
 * @throws BpfleetError with the span in the expression
 */
export function packetPredicates(expression: string): PacketPredicates {
  if (expression.trim() === '') return () => () => 'yes';
  refuseFaults(expression);
  const made = new Map<string, PacketPredicate>();
  return (linkType, direction) => {
    const key = `${linkType} ${direction}`;
    const known = made.get(key);
    if (known) return known;
    const predicate = predicateOn(expression, linkType, direction);
    made.set(key, predicate);
    return predicate;
  };
}

function predicateOn(expression: string, linkType: number, direction: Direction | undefined): PacketPredicate {
  const name = linkTypeName(linkType);
  // Not "no": the expression may mean something for them that this build cannot evaluate.
  if (!supportedLinkTypes.includes(name)) return () => 'undecided';
  const ofBytes = (): PacketPredicate => {
    if (linkType === LinkType.EN10MB) return ethernetPredicate(expression);
    const run = functionOf(expression, { linkType: name });
    return (bytes, packet) => verdictOf(run, bytes, packet);
  };
  return meaningOrNot(ofBytes, () =>
    meaningOrNot(
      () => directedPredicate(expression, linkType, direction),
      () => () => 'undecided',
    ),
  );
}

/**
 * Faults of the expression are told before anything is read; that it means nothing on some link types is none, nor that
 * only the kernel's view of a packet says something (`outbound and vlan 5`).
 */
function refuseFaults(expression: string): void {
  let fault: unknown;
  for (const live of [false, true]) {
    for (const linkType of supportedLinkTypes) {
      try {
        compileWithSets(expression, { linkType, live });
        return;
      } catch (error) {
        if (!(error instanceof BpfleetError)) throw error;
        if (error.code === 'FILTER_SYNTAX' || error.code === 'FILTER_TOO_LARGE') throw error;
        // Ethernet stands first: its reason is the one that people understand.
        fault ??= error;
      }
    }
  }
  throw fault;
}

/** Packets of a link type on which the expression can match nothing, or has a term that does not exist in this form. */
function meaningOrNot(make: () => PacketPredicate, unsupported: () => PacketPredicate): PacketPredicate {
  try {
    return make();
  } catch (error) {
    if (hasCode(error, 'NEVER_MATCHES')) return () => 'no';
    if (hasCode(error, 'FILTER_UNSUPPORTED')) return unsupported();
    throw error;
  }
}

function functionOf(expression: string, options: CompileOptions): PacketFunction {
  const { program, sets } = compileWithSets(expression, options);
  return jitThreeValued(program, sets);
}

/**
 * The kernel's view (design: "VLAN rule"): it took the outer tag out of the bytes before the filter ran, so marked
 * packets are evaluated without it, the tag as metadata, by the live form. All others are bytes of a file.
 */
function ethernetPredicate(expression: string): PacketPredicate {
  const offline = functionOf(expression, { linkType: 'EN10MB' });
  let live: PacketFunction | undefined;
  let stripped = new Uint8Array(2048);
  return (bytes, packet) => {
    if (!isTagMetadata(packet)) return verdictOf(offline, bytes, packet);
    // Cut inside the tag: what the kernel saw is not known.
    if (packet.capturedLength < TAG_OFFSET + TAG_BYTES) return 'undecided';
    live ??= functionOf(expression, { linkType: 'EN10MB', live: true });
    const capturedLength = packet.capturedLength - TAG_BYTES;
    if (stripped.length < capturedLength) stripped = new Uint8Array(2 * capturedLength);
    copyWithoutTag(bytes, packet, stripped);
    const kernels = { start: 0, capturedLength, wireLength: packet.wireLength - TAG_BYTES };
    return verdictOf(live, stripped, kernels, tagOf(bytes, packet.start));
  };
}

type Place = Pick<StoredPacket, 'start' | 'capturedLength' | 'wireLength'>;

function verdictOf(run: PacketFunction, bytes: Uint8Array, place: Place, metadata?: PacketMetadata): Verdict {
  const value = run(bytes, place.start, place.capturedLength, place.wireLength, metadata);
  return value === UNDECIDED ? 'undecided' : value === 0 ? 'no' : 'yes';
}
