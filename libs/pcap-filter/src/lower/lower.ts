import { BpfleetError } from '@bpfleet/errors';
import { syntaxFault, unsupportedFault } from '../fault.js';
import { constant, type Ir } from '../ir/ir.js';
import { ALL_BITS, between } from '../ir/ranges.js';
import { slotsReadBy } from '../ir/slots.js';
import { allOf, anyOf, countLeaves, joined, type Logic, leafOf, mapLeaves } from '../logic.js';
import type { Meaning, Meanings } from '../resolve/meaning.js';
import { LinkProtocol } from '../resolve/meaning.js';
import { always, assign, atLeast, atMost, equals, isIn, isOneOf, not, where } from './conditions.js';
import * as encapsulations from './encapsulations.js';
import { lowerDecnetHost, lowerHost4, lowerHost6 } from './hosts.js';
import { Limit } from './limit.js';
import { outermostScope, supportedLinkTypes } from './link-types.js';
import { lowerLlc } from './llc.js';
import { lowerLinkCast, lowerMac } from './mac.js';
import { carries } from './protocol.js';
import { lowerRelation } from './relations.js';
import { type Context, load, moved, network, type Scope } from './scope.js';
import { IPV4, IPV6, lowerChain, lowerPorts, lowerTransport } from './transport.js';

export interface LowerOptions {
  readonly linkType: string;
  readonly live: boolean;
  /** As a number; undefined where nobody gave one. */
  readonly netmask: number | undefined;
  readonly scopedEncapsulation: boolean;
  readonly vlanTransparent: boolean;
  readonly ipv6ExtensionHeaders: number;
}

/** More conditions fit into no program; counted as they are made, so that no input takes long. */
const MAX_CONDITIONS = 24_576;
/** Each is assigned somewhere, which needs two instructions, and read; no program has room for more. */
const MAX_SLOTS = 1024;
/** No frame has as many; each costs as much as all before it, in time. */
const MAX_LAYERS = 256;

/**
 * Says for each meaning where in the packet it stands: from here on there are only numbers, loads and comparisons.
 * @throws BpfleetError `FILTER_UNSUPPORTED` for what the link type or the form does not have, `FILTER_TOO_LARGE` for
 *   too many conditions
 */
export function lower(meanings: Meanings, options: LowerOptions): Ir {
  const { prologue, body } = lowerInParts(meanings, options);
  return joined('and', [...prologue, body]);
}

/**
 * The same as two: what fills the slots that are read, and the meanings, each at its place.
 * @param mostConditions other than a program has room for, where none is made
 */
export function lowerInParts(
  meanings: Meanings,
  options: LowerOptions,
  mostConditions = MAX_CONDITIONS,
): { prologue: readonly Ir[]; body: Ir } {
  let slots = 0;
  const { live, netmask, ipv6ExtensionHeaders } = options;
  const newSlot = () => slots++;
  const prologue: Context['prologue'] = [];
  const scope = outermostScope(options.linkType, { prologue, newSlot });
  if (scope === undefined) throw unknownLinkType(options.linkType);
  if (meanings === undefined) return { prologue: [], body: always(true) };
  const vlanTransparent = options.vlanTransparent && scope.framing === 'ethernet';
  const context: Context = { scope, live, netmask, ipv6ExtensionHeaders, vlanTransparent, newSlot, prologue };
  if (vlanTransparent) context.scope = behindTags(scope, context);
  const conditions = new Limit(mostConditions, 'conditions');
  const places = new Limit(MAX_SLOTS, 'places that the packet decides');
  const layers = new Limit(MAX_LAYERS, 'tags and tunnels, one inside the other');
  const lowered = (meaning: Meaning): Ir => {
    const outside = context.scope;
    const ir = lowerMeaning(meaning, context);
    if (context.scope !== outside) layers.add(1, meaning);
    conditions.add(countLeaves(ir), meaning);
    places.add(slots - places.count, meaning);
    return conditions.isOver || places.isOver || layers.isOver ? always(false) : ir;
  };
  const body = options.scopedEncapsulation
    ? lowerScoped(meanings, lowered, context)
    : mapLeaves(meanings, (meaning) => lowered(meaning));
  conditions.check();
  places.check();
  layers.check();
  return { prologue: prologue.length === 0 ? [] : neededOf(prologue, body), body };
}

/** What a parenthesis moves ends with it. */
function lowerScoped(meanings: Logic<Meaning>, lowered: (meaning: Meaning) => Ir, context: Context): Ir {
  const within = (part: Logic<Meaning>): Ir => {
    const before = context.scope;
    const ir = lowerScoped(part, lowered, context);
    if (part.kind === 'chain') context.scope = before;
    return ir;
  };
  switch (meanings.kind) {
    case 'leaf':
      return lowered(meanings.leaf);
    case 'not':
      return { kind: 'not', operand: within(meanings.operand) };
    case 'chain':
      return {
        kind: 'chain',
        first: within(meanings.first),
        rest: meanings.rest.map(({ operator, operand }) => ({ operator, operand: within(operand) })),
      };
  }
}

/** Only where a slot is read that it fills. */
function neededOf(prologue: Context['prologue'], body: Ir): readonly Ir[] {
  const needed: Ir[] = [];
  const read = slotsReadBy(body);
  for (const { slot, ir: preparation } of prologue.toReversed()) {
    if (!read.has(slot)) continue;
    needed.unshift(preparation);
    for (const other of slotsReadBy(preparation)) read.add(other);
  }
  return needed;
}

/** The extension: a slot says how many bytes of tags, up to two, stand before the type. */
function behindTags(scope: Scope, context: Context): Scope {
  const slot = context.newSlot();
  const base = { kind: 'slot', slot } as const;
  const isTag = (offset: number) => encapsulations.isVlanType(load(scope.type, offset, 2));
  const tag = encapsulations.VLAN_TAG_BYTES;
  const ir = where(isTag(0), allOf(assign(slot, constant(tag)), where(isTag(tag), assign(slot, constant(2 * tag)))));
  context.prologue.push({ slot, ir });
  return { ...scope, type: { base, offset: scope.type.offset }, payload: { base, offset: scope.payload.offset } };
}

function lowerMeaning(meaning: Meaning, context: Context): Ir {
  switch (meaning.kind) {
    case 'link-protocol':
      return carries(meaning.protocol, context, meaning.span);
    case 'transport':
      return lowerTransport(meaning, context);
    case 'host4':
      return lowerHost4(meaning, context);
    case 'host6':
      return lowerHost6(meaning, context);
    case 'ports':
      return lowerPorts(meaning, context);
    case 'relation':
      return lowerRelation(meaning, context);
    case 'vlan':
      return context.vlanTransparent ? tagTest(meaning, context) : encapsulations.lowerVlan(meaning, context);
    default:
      return lowerRareMeaning(meaning, context);
  }
}

type Common = 'link-protocol' | 'transport' | 'host4' | 'host6' | 'ports' | 'relation' | 'vlan';

/** Apart from the others, since V8 compiles a function as a whole when it is first called. */
function lowerRareMeaning(meaning: Exclude<Meaning, { kind: Common }>, context: Context): Ir {
  const { scope } = context;
  switch (meaning.kind) {
    case 'protocol-chain':
      return lowerChain(meaning, context);
    case 'mac':
      return lowerMac(meaning, context);
    case 'length':
      return (meaning.limit === 'greater' ? atLeast : atMost)({ kind: 'length' }, meaning.bytes);
    case 'cast':
      return lowerCast(meaning, context);
    case 'packet-direction':
      return lowerPacketDirection(meaning, context);
    case 'interface-index':
      return lowerInterfaceIndex(meaning, context);
    case 'mpls':
      return encapsulations.lowerMpls(meaning, context);
    case 'pppoe-discovery':
      return encapsulations.lowerPppoeDiscovery(meaning.span, context);
    case 'pppoe-session':
      return encapsulations.lowerPppoeSession(meaning, context);
    case 'geneve':
      return encapsulations.lowerGeneve(meaning, context);
    case 'vxlan':
      return encapsulations.lowerVxlan(meaning, context);
    case 'llc':
      return lowerLlc(meaning, context);
    case 'wlan-frame':
      return equals(frameControl(0, meaning, context), meaning.value, meaning.mask);
    case 'wlan-direction':
      return equals(frameControl(1, meaning, context), meaning.direction, 0x03);
    case 'decnet-host':
      return lowerDecnetHost(meaning, context);
    case 'iso-protocol':
      return allOf(carries(LinkProtocol.iso, context, meaning.span), equals(osi(scope, 0), meaning.number));
    case 'isis':
      return allOf(
        carries(LinkProtocol.iso, context, meaning.span),
        equals(osi(scope, 0), ISIS),
        isOneOf(osi(scope, 4), meaning.types),
      );
  }
}

/** ISO/IEC TR 9577's number of IS-IS; its PDU type stands four bytes on (ISO 10589, 9.5). */
const ISIS = 0x83;

function osi(scope: Scope, offset: number) {
  return load(moved(scope.payload, scope.osiOffset), offset, 1);
}

function frameControl(offset: number, { span }: Meaning, { scope }: Context) {
  if (scope.framing === 'wlan') return load(scope.header, offset, 1);
  throw unsupportedFault(span, `802.11 frame types exist on 802.11, not on ${scope.linkName}`);
}

function lowerCast({ layer, cast, span }: Extract<Meaning, { kind: 'cast' }>, context: Context): Ir {
  if (layer === 'link') return lowerLinkCast(cast, context, span);
  const isCarried = carries(LinkProtocol[layer], context, span);
  const place = network(context.scope);
  if (layer === 'ip6') return allOf(isCarried, equals(load(place, IPV6.destination, 1), 0xff));
  if (cast === 'multicast') return allOf(isCarried, atLeast(load(place, IPV4.destination, 1), 0xe0));
  if (context.netmask === undefined) {
    throw syntaxFault(
      span ?? { start: 0, end: 0 },
      'the netmask is not known, so “ip broadcast” cannot be told',
      '--netmask 255.255.255.0',
    );
  }
  const hostBits = ~context.netmask >>> 0;
  const destination = load(place, IPV4.destination, 4);
  return allOf(isCarried, anyOf(equals(destination, 0, hostBits), equals(destination, hostBits, hostBits)));
}

/** `PACKET_OUTGOING`, include/uapi/linux/if_packet.h. */
const OUTGOING = 4;

function lowerPacketDirection(meaning: Extract<Meaning, { kind: 'packet-direction' }>, context: Context): Ir {
  const { scope, live } = context;
  // The outermost header's, whatever stands before: libpcap loads it from the link header.
  const type =
    scope.framing === 'cooked'
      ? load({ offset: 0 }, 0, 2)
      : scope.framing === 'cooked2'
        ? load({ offset: 10 }, 0, 1)
        : undefined;
  if (type === undefined && !live) throw needsLive(meaning, `“${meaning.direction}”`, scope);
  const isOutgoing = equals(type ?? { kind: 'metadata', name: 'packetType' }, OUTGOING);
  return meaning.direction === 'outbound' ? isOutgoing : not(isOutgoing);
}

function lowerInterfaceIndex(meaning: Extract<Meaning, { kind: 'interface-index' }>, context: Context): Ir {
  const { scope, live } = context;
  if (scope.framing === 'cooked2') return equals(load({ offset: 4 }, 0, 4), meaning.index);
  if (!live) throw needsLive(meaning, '“ifindex”', scope);
  return equals({ kind: 'metadata', name: 'interfaceIndex' }, meaning.index);
}

function needsLive({ span }: Meaning, what: string, { linkName }: Scope): BpfleetError {
  return unsupportedFault(
    span,
    `${what} is known of a live capture only; packets of ${linkName} in a file do not say it`,
    'LINUX_SLL2 files say both; or ask for the live form',
  );
}

/** With the extension `vlan` asks for a tag and moves nothing, since everything is looked for behind tags anyway. */
function tagTest({ ids }: Extract<Meaning, { kind: 'vlan' }>, { live }: Context): Ir {
  const inBytes = allOf(
    encapsulations.isVlanType(load({ offset: 12 }, 0, 2)),
    ...(ids === undefined ? [] : [idIsIn(load({ offset: 14 }, 0, 2), ids)]),
  );
  if (!live) return inBytes;
  const isPresent = isIn({ kind: 'metadata', name: 'vlanTagPresent' }, between(1, ALL_BITS));
  const tci = { kind: 'metadata', name: 'vlanTci' } as const;
  return anyOf(allOf(isPresent, ...(ids === undefined ? [] : [idIsIn(tci, ids)])), inBytes);
}

function idIsIn(value: Parameters<typeof isIn>[0], ids: readonly { from: number; to: number }[]): Ir {
  return anyOf(
    leafOf({ kind: 'always', value: false }),
    ...ids.map(({ from, to }) => isIn(value, between(from, to), 0xfff)),
  );
}

export function unknownLinkType(linkType: string): BpfleetError {
  return new BpfleetError('FILTER_UNSUPPORTED', `filters on link type ${linkType} are not supported`, {
    hint: `supported: ${supportedLinkTypes.join(', ')}`,
  });
}
