import { jitThreeValued, type PacketFunction, type PacketMetadata, UNDECIDED } from '@bpfleet/bpf';
import { BpfleetError, hasCode } from '@bpfleet/errors';
import { LinkType, linkTypeName } from '@bpfleet/packet';
import { type CompileOptions, compileWithSets, supportedLinkTypes } from '@bpfleet/pcap-filter';
import type { StoredPacket } from './stored-packet.js';
import { copyWithoutTag, isTagMetadata, TAG_BYTES, TAG_OFFSET, tagOf } from './vlan-metadata.js';

export type Verdict = 'yes' | 'no' | 'undecided';

/** Says whether packets of one link type match. Built once per query; what runs behind it may be a compiler later. */
export type PacketPredicate = (bytes: Uint8Array, packet: StoredPacket) => Verdict;

/**
 * What an expression means for stored packets of each link type, compiled when the first of them comes.
 * @throws BpfleetError with the span in the expression
 */
export function packetPredicates(expression: string): (linkType: number) => PacketPredicate {
  if (expression.trim() === '') return () => () => 'yes';
  refuseFaults(expression);
  const made = new Map<number, PacketPredicate>();
  return (linkType) => {
    const known = made.get(linkType);
    if (known) return known;
    const predicate = predicateOn(expression, linkType);
    made.set(linkType, predicate);
    return predicate;
  };
}

function predicateOn(expression: string, linkType: number): PacketPredicate {
  if (linkType === LinkType.EN10MB) return meaningOrNot(() => ethernetPredicate(expression));
  const name = linkTypeName(linkType);
  // Not "no": the expression may mean something for them that this build cannot evaluate.
  if (!supportedLinkTypes.includes(name)) return () => 'undecided';
  return meaningOrNot(() => {
    const run = functionOf(expression, { linkType: name });
    return (bytes, packet) => verdictOf(run, bytes, packet);
  });
}

/** Faults of the expression are told before anything is read; that it means nothing on some link types is none. */
function refuseFaults(expression: string): void {
  let fault: unknown;
  for (const linkType of supportedLinkTypes) {
    try {
      compileWithSets(expression, { linkType });
      return;
    } catch (error) {
      if (!(error instanceof BpfleetError)) throw error;
      if (error.code === 'FILTER_SYNTAX' || error.code === 'FILTER_TOO_LARGE') throw error;
      // Ethernet stands first: its reason is the one that people understand.
      fault ??= error;
    }
  }
  throw fault;
}

/** Packets of a link type on which the expression can match nothing, or has a term that does not exist there. */
function meaningOrNot(make: () => PacketPredicate): PacketPredicate {
  try {
    return make();
  } catch (error) {
    if (hasCode(error, 'NEVER_MATCHES')) return () => 'no';
    if (hasCode(error, 'FILTER_UNSUPPORTED')) return () => 'undecided';
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
