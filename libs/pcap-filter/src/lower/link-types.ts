import { at, behind, binary, constant, type Value } from '../ir/ir.js';
import { allOf } from '../logic.js';
import { assign, hasBits, not, where } from './conditions.js';
import type { Context, Framing, Place, Scope } from './scope.js';

interface LinkType {
  readonly framing: Framing;
  readonly name: string;
  /** Offsets of the type and of the payload in headers of fixed length. */
  readonly type: number;
  readonly payload: number;
}

/**
 * Link types by their DLT names: where libpcap's `init_linktype` puts the type and the payload. Those of 802.11 depend
 * on the packet.
 */
const LINK_TYPES: Readonly<Record<string, LinkType>> = {
  EN10MB: { framing: 'ethernet', name: 'Ethernet', type: 12, payload: 14 },
  LINUX_SLL: { framing: 'cooked', name: 'Linux cooked v1', type: 14, payload: 16 },
  LINUX_SLL2: { framing: 'cooked2', name: 'Linux cooked v2', type: 0, payload: 20 },
  RAW: { framing: 'raw', name: 'raw IP', type: 0, payload: 0 },
  IPV4: { framing: 'ipv4', name: 'raw IPv4', type: 0, payload: 0 },
  IPV6: { framing: 'ipv6', name: 'raw IPv6', type: 0, payload: 0 },
  NULL: { framing: 'null', name: 'BSD loopback', type: 0, payload: 4 },
  LOOP: { framing: 'loop', name: 'OpenBSD loopback', type: 0, payload: 4 },
  PPP: { framing: 'ppp', name: 'PPP', type: 2, payload: 4 },
  IEEE802_11: { framing: 'wlan', name: '802.11', type: 0, payload: 0 },
  IEEE802_11_RADIO: { framing: 'wlan', name: '802.11 with radio information', type: 0, payload: 0 },
};

/** The link types that filters can be compiled for, by their DLT names. */
export const supportedLinkTypes: readonly string[] = Object.keys(LINK_TYPES);

/** Where the network header stands, on link types whose own header always has one length; 0 on others. */
export function networkOffset(linkType: string): number {
  return LINK_TYPES[linkType]?.payload ?? 0;
}

/** What places that depend on the packet need. */
type Preparing = Pick<Context, 'newSlot' | 'prologue'>;

/** Where things stand in a whole packet of the link type; undefined for one that is not supported. */
export function outermostScope(linkType: string, context: Preparing): Scope | undefined {
  const link = LINK_TYPES[linkType];
  if (link === undefined) return undefined;
  const { framing, name, type, payload } = link;
  const scope: Scope = {
    framing,
    linkName: name,
    header: { offset: 0 },
    type: { offset: type },
    payload: { offset: payload },
    networkOffset: 0,
    osiOffset: framing === 'ethernet' ? LLC_HEADER_BYTES : 0,
    vlanTags: 0,
    mplsLabels: 0,
    isOutermost: true,
    hasRadio: linkType === 'IEEE802_11_RADIO',
  };
  return framing === 'wlan' ? { ...scope, ...wlanPlaces(scope.hasRadio, context) } : scope;
}

/** IEEE 802.11, 9.2: frame control, duration, three addresses, sequence control. */
const WLAN_HEADER_BYTES = 24;
/** IEEE 802.2. */
const LLC_HEADER_BYTES = 3;
/** IEEE 802.2 and SNAP (RFC 1042). */
const SNAP_HEADER_BYTES = 8;
const SNAP_TYPE_OFFSET = 6;

/**
 * The header's length stands in the packet: radiotap's in its own header, and QoS data frames are two bytes longer.
 * Offsets are worked out once, before the first term, and only where a term asks for them.
 */
function wlanPlaces(
  hasRadio: boolean,
  context: Preparing,
): Pick<Scope, 'header' | 'type' | 'payload' | 'networkOffset' | 'osiOffset'> {
  const headerSlot = hasRadio ? context.newSlot() : undefined;
  const header: Place =
    headerSlot === undefined ? { offset: 0 } : { base: { kind: 'slot', slot: headerSlot }, offset: 0 };
  const payloadSlot = context.newSlot();
  const payload: Value = { kind: 'slot', slot: payloadSlot };
  if (headerSlot !== undefined) {
    context.prologue.push({ slot: headerSlot, ir: assign(headerSlot, radiotapBytes()) });
  }
  const frameControl = behind(header.base, 0, 1);
  const start = header.base ?? constant(0);
  // libpcap: `gen_load_802_11_header_len`.
  const isData = allOf(hasBits(frameControl, DATA), not(hasBits(frameControl, CONTROL)));
  const longer = where(hasBits(frameControl, QOS), assign(payloadSlot, binary('+', payload, constant(2))));
  context.prologue.push({
    slot: payloadSlot,
    ir: allOf(
      assign(payloadSlot, binary('+', start, constant(WLAN_HEADER_BYTES))),
      where(isData, hasRadio ? allOf(longer, where(isPadded(), assign(payloadSlot, alignedTo4(payload)))) : longer),
    ),
  });
  return {
    header,
    type: { base: payload, offset: SNAP_TYPE_OFFSET },
    payload: { base: payload, offset: 0 },
    networkOffset: SNAP_HEADER_BYTES,
    osiOffset: LLC_HEADER_BYTES,
  };
}

const CONTROL = 0x04;
const DATA = 0x08;
const QOS = 0x80;

/** Bytes 2 and 3 of the radiotap header, little-endian. */
function radiotapBytes(): Value {
  return binary('|', binary('<<', at(3, 1), constant(8)), at(2, 1));
}

/**
 * Whether frames are padded to four bytes between header and body: bit 5 of radiotap's flags. Those stand first, or
 * behind the eight bytes of TSFT. Bits of `it_present` as a big-endian load sees them: 0x80 a further bitmap, 0x01000000
 * TSFT, 0x02000000 flags.
 */
function isPadded() {
  const present = at(4, 4);
  const flagsAt = (offset: number) => hasBits(at(offset, 1), 0x20);
  return allOf(hasBits(present, 0x0200_0000), not(hasBits(present, 0x80)), {
    kind: 'chain',
    first: allOf(hasBits(present, 0x0100_0000), flagsAt(16)),
    rest: [{ operator: 'or', operand: allOf(not(hasBits(present, 0x0100_0000)), flagsAt(8)) }],
  });
}

function alignedTo4(value: Value): Value {
  return binary('&', binary('+', value, constant(3)), constant(0xffff_fffc));
}
