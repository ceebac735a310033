import { unsupportedFault } from '../fault.js';
import { behind, binary, constant, type Ir, type Value } from '../ir/ir.js';
import { ALL_BITS, rangesOf } from '../ir/ranges.js';
import { allOf, anyOf } from '../logic.js';
import { LinkProtocol, type Meaning } from '../resolve/meaning.js';
import { assign, equals, hasBits, isIn, not } from './conditions.js';
import { carries, isDataFrame } from './protocol.js';
import { type Context, load, moved, network, type Place, type Scope } from './scope.js';
import { behindIpv4, IPV6, isLaterFragment } from './transport.js';

type Of<Kind extends Meaning['kind']> = Extract<Meaning, { kind: Kind }>;

/** IEEE 802.1Q, 802.1ad, and what was used before it. */
export const VLAN_TYPES: readonly number[] = [0x8100, 0x88a8, 0x9100];
const VLAN_TYPE_RANGES = rangesOf(VLAN_TYPES.map((type) => ({ from: type, to: type })));

/** Whether a type says that a tag follows. */
export function isVlanType(type: Value): Ir {
  return isIn(type, VLAN_TYPE_RANGES);
}

export const VLAN_TAG_BYTES = 4;
const VLAN_ID = 0xfff;
export const ETHERTYPE = { pppoeDiscovery: 0x8863, pppoeSession: 0x8864, mpls: 0x8847, ethernet: 0x6558 } as const;
const PPP_MPLS = 0x0281;

/** `vlan`: what follows is looked for behind the tag. */
export function lowerVlan(vlan: Of<'vlan'>, context: Context): Ir {
  const { scope } = context;
  if (scope.mplsLabels > 0) throw unsupportedFault(vlan.span, 'there are no VLAN tags behind MPLS labels');
  if (scope.framing !== 'ethernet' && scope.framing !== 'tunnel' && scope.framing !== 'wlan') {
    throw unsupportedFault(vlan.span, `there are no VLAN tags on ${scope.linkName}`);
  }
  const hasMetadata = context.live && scope.isOutermost && scope.vlanTags === 0 && scope.framing === 'ethernet';
  const condition = hasMetadata ? inMetadataOrBytes(vlan, context) : inBytes(vlan, scope);
  const by = hasMetadata ? 0 : VLAN_TAG_BYTES;
  const before = context.scope;
  context.scope = {
    ...before,
    type: moved(before.type, by),
    payload: moved(before.payload, by),
    vlanTags: before.vlanTags + 1,
  };
  return condition;
}

function inBytes({ ids }: Of<'vlan'>, scope: Scope): Ir {
  const isTag = isVlanType(load(scope.type, 0, 2));
  const isTagged = scope.framing === 'wlan' ? allOf(isDataFrame(scope), isTag) : isTag;
  return ids === undefined ? isTagged : allOf(isTagged, isIn(load(network(scope), 0, 2), rangesOf(ids), VLAN_ID));
}

/**
 * The kernel takes the outer tag out of a received packet and keeps it beside the bytes; of a sent one it may stand in
 * the bytes. So what follows stands 0 or 4 bytes later, which a slot says.
 */
function inMetadataOrBytes(vlan: Of<'vlan'>, context: Context): Ir {
  const { scope } = context;
  const slot = context.newSlot();
  const isPresent = isIn({ kind: 'metadata', name: 'vlanTagPresent' }, rangesOf([{ from: 1, to: ALL_BITS }]));
  const tci: Value = { kind: 'metadata', name: 'vlanTci' };
  const hasId = vlan.ids === undefined ? [] : [isIn(tci, rangesOf(vlan.ids), VLAN_ID)];
  const base: Value = { kind: 'slot', slot };
  const behindTag = (place: Place): Place => ({ base, offset: place.offset });
  const condition = anyOf(
    allOf(isPresent, ...hasId, assign(slot, constant(0))),
    allOf(not(isPresent), assign(slot, constant(VLAN_TAG_BYTES)), inBytes(vlan, scope)),
  );
  context.scope = { ...scope, type: behindTag(scope.type), payload: behindTag(scope.payload) };
  return condition;
}

/** `mpls`: the first label by the link layer's type, further ones by the label before not being the last. */
export function lowerMpls({ label, span }: Of<'mpls'>, context: Context): Ir {
  const { scope } = context;
  const place = network(scope);
  const isLabelled = scope.mplsLabels > 0 ? equals(load(moved(place, -2), 0, 1), 0, 1) : carriesMpls(context, span);
  context.scope = {
    ...scope,
    networkOffset: scope.networkOffset + 4,
    osiOffset: scope.osiOffset + 4,
    mplsLabels: scope.mplsLabels + 1,
  };
  if (label === undefined) return isLabelled;
  return allOf(isLabelled, equals(load(place, 0, 4), (label << 12) >>> 0, 0xffff_f000));
}

function carriesMpls(context: Context, span: Meaning['span']): Ir {
  const { scope } = context;
  if (scope.framing === 'ethernet' || scope.framing === 'tunnel') return carries(ETHERTYPE.mpls, context, span);
  if (scope.framing === 'ppp') return equals(load(scope.type, 0, 2), PPP_MPLS);
  throw unsupportedFault(span, `there are no MPLS labels on ${scope.linkName}`);
}

export function lowerPppoeDiscovery(span: Meaning['span'], context: Context): Ir {
  return carries(ETHERTYPE.pppoeDiscovery, context, span);
}

/** RFC 2516: six bytes of header, then PPP. */
export function lowerPppoeSession({ session, span }: Of<'pppoe-session'>, context: Context): Ir {
  const { scope } = context;
  const place = network(scope);
  const isSession = carries(ETHERTYPE.pppoeSession, context, span);
  const ppp = moved(place, 6);
  context.scope = {
    ...scope,
    ...{ framing: 'ppp', linkName: 'PPP', header: ppp, type: ppp, payload: moved(ppp, 2) },
    ...{ networkOffset: 0, osiOffset: 0, isOutermost: false, hasRadio: false },
  };
  return session === undefined ? isSession : allOf(isSession, equals(load(place, 0, 4), session, 0xffff));
}

/** RFC 8926, UDP port 6081: eight bytes and options, then what the protocol type says. */
export function lowerGeneve({ vni, span }: Of<'geneve'>, context: Context): Ir {
  const tunnel = new Tunnel(context, 6081);
  const { slots } = tunnel;
  const isGeneve = (at: Place) => {
    const checks = [equals(load(at, 0, 1), 0, 0xc0)];
    if (vni !== undefined) checks.push(equals(load(at, 4, 4), (vni << 8) >>> 0, 0xffff_ff00));
    return checks;
  };
  const found = tunnel.find(isGeneve, span);
  const start = slots.start;
  const optionBytes = binary('*', binary('&', behind(start, 0, 1), constant(0x3f)), constant(4));
  const inner = binary('+', binary('+', start, constant(8)), optionBytes);
  // An EtherType 0x6558 says that an Ethernet frame follows, any other what follows at once.
  const places = allOf(
    assign(slots.headerSlot, inner),
    assign(slots.typeSlot, binary('+', start, constant(2))),
    assign(slots.payloadSlot, slots.header),
    anyOf(
      allOf(
        equals(behind(start, 2, 2), ETHERTYPE.ethernet),
        assign(slots.typeSlot, binary('+', slots.header, constant(12))),
        assign(slots.payloadSlot, binary('+', slots.header, constant(14))),
      ),
      not(equals(behind(start, 2, 2), ETHERTYPE.ethernet)),
    ),
  );
  context.scope = tunnel.scope();
  return allOf(found, places);
}

/** RFC 7348, UDP port 4789: eight bytes, then an Ethernet frame. */
export function lowerVxlan({ vni, span }: Of<'vxlan'>, context: Context): Ir {
  const tunnel = new Tunnel(context, 4789);
  const { slots } = tunnel;
  const found = tunnel.find((at) => {
    // The flag that says that the network's number is valid.
    const checks = [hasBits(load(at, 0, 1), 0x08)];
    if (vni !== undefined) checks.push(equals(load(at, 4, 4), (vni << 8) >>> 0, 0xffff_ff00));
    return checks;
  }, span);
  const places = allOf(
    assign(slots.headerSlot, binary('+', slots.start, constant(8))),
    assign(slots.typeSlot, binary('+', slots.start, constant(20))),
    assign(slots.payloadSlot, binary('+', slots.start, constant(22))),
  );
  context.scope = tunnel.scope();
  return allOf(found, places);
}

/** A tunnel over UDP: where its header starts, and where inner headers stand, is kept in slots. */
class Tunnel {
  readonly slots: {
    readonly startSlot: number;
    readonly headerSlot: number;
    readonly typeSlot: number;
    readonly payloadSlot: number;
    readonly start: Value;
    readonly header: Value;
  };

  constructor(
    private readonly context: Context,
    private readonly port: number,
  ) {
    const startSlot = context.newSlot();
    const headerSlot = context.newSlot();
    const value = (slot: number): Value => ({ kind: 'slot', slot });
    this.slots = {
      ...{ startSlot, headerSlot, typeSlot: context.newSlot(), payloadSlot: context.newSlot() },
      ...{ start: value(startSlot), header: value(headerSlot) },
    };
  }

  /** Over IPv4, then over IPv6, as libpcap; keeps where the tunnel's header starts. */
  find(checks: (at: Place) => Ir[], span: Meaning['span']): Ir {
    const { context, port, slots } = this;
    const ip = network(context.scope);
    const ports4 = behindIpv4(ip, 2, 2);
    const start4: Place = { ...(ports4.base !== undefined && { base: ports4.base }), offset: ip.offset + UDP_BYTES };
    const start6 = moved(ip, IPV6.headerBytes + UDP_BYTES);
    return anyOf(
      allOf(
        carries(LinkProtocol.ip, context, span),
        equals(load(ip, 9, 1), UDP),
        not(isLaterFragment(ip)),
        equals(ports4, port),
        ...checks(start4),
        assign(slots.startSlot, addressOf(start4)),
      ),
      allOf(
        carries(LinkProtocol.ip6, context, span),
        equals(load(ip, IPV6.nextHeader, 1), UDP),
        equals(load(ip, IPV6.headerBytes + 2, 2), port),
        ...checks(start6),
        assign(slots.startSlot, addressOf(start6)),
      ),
    );
  }

  /** What follows the tunnel's term in the text is looked for inside. */
  scope(): Scope {
    const place = (slot: number): Place => ({ base: { kind: 'slot', slot }, offset: 0 });
    return {
      ...{ framing: 'tunnel', linkName: 'Ethernet in a tunnel', networkOffset: 0, osiOffset: 3 },
      ...{ vlanTags: 0, mplsLabels: 0, isOutermost: false, hasRadio: false },
      header: place(this.slots.headerSlot),
      type: place(this.slots.typeSlot),
      payload: place(this.slots.payloadSlot),
    };
  }
}

const UDP = 17;
const UDP_BYTES = 8;

function addressOf({ base, offset }: Place): Value {
  return base === undefined ? constant(offset) : binary('+', base, constant(offset));
}
