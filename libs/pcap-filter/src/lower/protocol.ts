import { unsupportedFault } from '../fault.js';
import type { Ir, Load } from '../ir/ir.js';
import { allOf, anyOf } from '../logic.js';
import { LinkProtocol } from '../resolve/meaning.js';
import { always, atMost, equals, hasBits, isOneOf, not } from './conditions.js';
import { type At, type Context, type Framing, load, moved, network, type Place, type Scope } from './scope.js';

/** The largest number in the EtherType's place that is a length instead (IEEE 802.3). */
const LARGEST_LENGTH = 1500;
/** SNAP headers (RFC 1042 and Apple's): LLC 0xaaaa03 and an organisation, then a protocol. */
const SNAP_APPLETALK = 0x08_0007;

/**
 * Whether the packet carries the protocol, a number of `LinkProtocol`'s kind: libpcap's `gen_linktype`.
 * Conditions stand in libpcap's order, which shows in the verdict of packets too short for all of them.
 */
export function carries(protocol: number, context: Context, at?: At): Ir {
  const { scope } = context;
  if (scope.mplsLabels > 0) return carriedByMpls(protocol, scope, at);
  const { framing } = scope;
  if (framing === 'ethernet' || framing === 'tunnel') return carriedByEthernet(protocol, scope);
  return carriedWithoutEtherType(framing, protocol, context, at);
}

function carriedWithoutEtherType(
  framing: Exclude<Framing, 'ethernet' | 'tunnel'>,
  protocol: number,
  { scope, live }: Context,
  at: At,
): Ir {
  switch (framing) {
    case 'cooked':
      return carriedByCooked(protocol, scope);
    case 'cooked2':
      return equals(load(scope.type, 0, 2), protocol);
    case 'raw':
      if (protocol === LinkProtocol.ip) return equals(load(scope.payload, 0, 1), 0x40, 0xf0);
      return protocol === LinkProtocol.ip6 ? equals(load(scope.payload, 0, 1), 0x60, 0xf0) : always(false);
    case 'ipv4':
      return always(protocol === LinkProtocol.ip);
    case 'ipv6':
      return always(protocol === LinkProtocol.ip6);
    case 'null':
    case 'loop':
      return carriedByLoopback(protocol, scope, live);
    case 'ppp':
      return equals(load(scope.type, 0, 2), PPP_PROTOCOLS.get(protocol) ?? protocol);
    case 'wlan':
      return allOf(isDataFrame(scope), carriedByLlc(protocol, scope.payload));
    case 'mpls':
      return carriedByMpls(protocol, scope, at);
  }
}

function carriedByEthernet(protocol: number, { type, payload }: Scope): Ir {
  const etherType = load(type, 0, 2);
  const isAppleTalk = protocol === LinkProtocol.atalk || protocol === LinkProtocol.aarp;
  if (protocol > LARGEST_LENGTH && !isAppleTalk) return equals(etherType, protocol);
  return carriedBy8023(protocol, etherType, payload);
}

/** What stands behind a length and an LLC header, or may stand there as well. */
function carriedBy8023(protocol: number, etherType: Load, payload: Place): Ir {
  const isLength = atMost(etherType, LARGEST_LENGTH);
  switch (protocol) {
    case LinkProtocol.iso:
    case LLC_IP:
    case LinkProtocol.netbeui:
      // Destination and source service access point are the same.
      return allOf(isLength, equals(load(payload, 0, 2), protocol * 0x101));
    case LinkProtocol.ipx:
      // By EtherType, by LLC, in a SNAP header, or without a header (Novell's “raw 802.3”).
      return anyOf(
        equals(etherType, ETHERTYPE_IPX),
        allOf(
          isLength,
          anyOf(
            isSnap(payload, 0, ETHERTYPE_IPX),
            equals(load(payload, 0, 1), LinkProtocol.ipx),
            equals(load(payload, 0, 2), 0xffff),
          ),
        ),
      );
    case LinkProtocol.atalk:
    case LinkProtocol.aarp:
      return anyOf(equals(etherType, protocol), allOf(isLength, isSnap(payload, organisationOf(protocol), protocol)));
    default:
      // Right behind the type (`gen_ether_linktype`): in a tunnel without an Ethernet header that is not where the payload is.
      return allOf(isLength, equals({ ...etherType, offset: etherType.offset + 2, size: 1 }, protocol));
  }
}

/** Service access point of IP over 802.2. */
const LLC_IP = 0x06;
const ETHERTYPE_IPX = 0x8137;
const organisationOf = (protocol: number) => (protocol === LinkProtocol.atalk ? SNAP_APPLETALK : 0);

/** The protocol is compared before the LLC header, as libpcap's `gen_snap` loads them. */
function isSnap(payload: Place, organisation: number, protocol: number): Ir {
  return allOf(
    equals(load(payload, 4, 4), ((organisation & 0xffff) * 0x1_0000 + protocol) >>> 0),
    equals(load(payload, 0, 4), (0xaaaa_0300 | (organisation >>> 16)) >>> 0),
  );
}

/** Linux cooked: 1 is a frame with Novell's bare IPX, 4 one with an LLC header (`LINUX_SLL_P_802_3`, `_802_2`). */
function carriedByCooked(protocol: number, { type, payload }: Scope): Ir {
  const kind = load(type, 0, 2);
  const isLlc = equals(kind, 4);
  switch (protocol) {
    case LinkProtocol.iso:
    case LLC_IP:
    case LinkProtocol.netbeui:
      return allOf(isLlc, equals(load(payload, 0, 2), protocol * 0x101));
    case LinkProtocol.ipx:
      return anyOf(
        equals(kind, ETHERTYPE_IPX),
        equals(kind, 1),
        allOf(isLlc, anyOf(equals(load(payload, 0, 1), LinkProtocol.ipx), isSnap(payload, 0, ETHERTYPE_IPX))),
      );
    case LinkProtocol.atalk:
    case LinkProtocol.aarp:
      return anyOf(equals(kind, protocol), allOf(isLlc, isSnap(payload, organisationOf(protocol), protocol)));
    default:
      if (protocol > LARGEST_LENGTH) return equals(kind, protocol);
      return allOf(isLlc, equals(load(payload, 0, 1), protocol));
  }
}

/** Behind an LLC header that is always there: 802.11 (`gen_llc_linktype`). */
function carriedByLlc(protocol: number, payload: Place): Ir {
  switch (protocol) {
    case LinkProtocol.iso:
    case LLC_IP:
    case LinkProtocol.netbeui:
      return equals(load(payload, 0, 2), protocol * 0x101);
    case LinkProtocol.ipx:
      return equals(load(payload, 0, 1), LinkProtocol.ipx);
    case LinkProtocol.atalk:
      return isSnap(payload, SNAP_APPLETALK, protocol);
    default:
      if (protocol > LARGEST_LENGTH) return equals(load(payload, 6, 2), protocol);
      return equals(load(payload, 0, 1), protocol);
  }
}

/** Not a control frame, and of type data. */
export function isDataFrame({ header }: Scope): Ir {
  const frameControl = load(header, 0, 1);
  return allOf(not(hasBits(frameControl, 0x04)), hasBits(frameControl, 0x08));
}

/** PPP protocol numbers (IANA) of what Ethernet calls otherwise. */
const PPP_PROTOCOLS: ReadonlyMap<number, number> = new Map<number, number>([
  [LinkProtocol.ip, 0x21],
  [LinkProtocol.iso, 0x23],
  [0x0600, 0x25],
  [LinkProtocol.decnet, 0x27],
  [LinkProtocol.atalk, 0x29],
  [LinkProtocol.ipx, 0x2b],
  [LinkProtocol.stp, 0x31],
  [LinkProtocol.ip6, 0x57],
]);

/** Address families: AF_INET everywhere; AF_INET6 of Linux; of NetBSD and OpenBSD, FreeBSD, and Darwin. */
const AF_INET = 2;
const AF_INET6 = { linux: 10, others: [24, 28, 30] } as const;

/**
 * A captured loopback has the family in this machine's order, and Linux' number for IPv6; a file can come from any
 * machine: of NULL both orders, and the numbers of every BSD.
 */
function carriedByLoopback(protocol: number, { framing, type }: Scope, live: boolean): Ir {
  const family = load(type, 0, 4);
  const swapped = (value: number) => value * 0x100_0000;
  const families =
    protocol === LinkProtocol.ip
      ? [AF_INET]
      : protocol === LinkProtocol.ip6
        ? live
          ? [AF_INET6.linux]
          : [...AF_INET6.others]
        : undefined;
  if (families === undefined) return always(false);
  if (framing === 'loop') return isOneOf(family, families);
  // bpfleet runs on little-endian machines only.
  return isOneOf(family, live ? families.map(swapped) : families.flatMap((value) => [value, swapped(value)]));
}

/** Behind the label at the bottom of the stack the first nibble is taken for IP's version. */
function carriedByMpls(protocol: number, scope: Scope, at: At): Ir {
  const version = protocol === LinkProtocol.ip ? 0x40 : protocol === LinkProtocol.ip6 ? 0x60 : undefined;
  if (version === undefined) {
    throw unsupportedFault(at, 'behind MPLS labels only IPv4 and IPv6 can be told', 'put the other term before “mpls”');
  }
  const behindLabels = network(scope);
  return allOf(hasBits(load(moved(behindLabels, -2), 0, 1), 1), equals(load(behindLabels, 0, 1), version, 0xf0));
}
