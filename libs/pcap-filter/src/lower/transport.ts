import { behind, binary, constant, type Ir, ipv4HeaderBytes, type Load, type Value } from '../ir/ir.js';
import { allOf, anyOf, joined } from '../logic.js';
import { LinkProtocol, type Meaning } from '../resolve/meaning.js';
import { always, assign, equals, hasBits, isOneOf, not, where } from './conditions.js';
import { towards } from './hosts.js';
import { portsIn } from './lists.js';
import { carries } from './protocol.js';
import { type Context, load, network, type Place } from './scope.js';

type Of<Kind extends Meaning['kind']> = Extract<Meaning, { kind: Kind }>;

/** RFC 791 and RFC 8200. */
export const IPV4 = { fragment: 6, protocol: 9, destination: 16 } as const;
export const IPV6 = { nextHeader: 6, destination: 24, headerBytes: 40 } as const;
const PORT = { source: 0, destination: 2 } as const;
/** Next header numbers (IANA). */
const NEXT = { hopByHop: 0, routing: 43, fragment: 44, authentication: 51, none: 59, destinationOptions: 60 } as const;
const WALKED: readonly number[] = [
  ...[NEXT.hopByHop, NEXT.routing, NEXT.fragment, NEXT.authentication, NEXT.destinationOptions],
];
const FRAGMENT_HEADER_BYTES = 8;
/** As many headers as `protochain` looks behind: libpcap's is a loop, which no kernel takes. */
const CHAIN_HEADERS = 8;

/** Fragments but the first have no transport header. */
export function isLaterFragment(ip: Place): Ir {
  return hasBits(load(ip, IPV4.fragment, 2), 0x1fff);
}

/** `size` bytes behind an IPv4 header with its options. */
export function behindIpv4(ip: Place, offset: number, size: Load['size'], index?: Value): Load {
  const header = ipv4HeaderBytes(ip.offset, ip.base);
  const withBase = ip.base === undefined ? header : binary('+', header, ip.base);
  return behind(index === undefined ? withBase : binary('+', withBase, index), ip.offset + offset, size);
}

/** A protocol over IPv4, fragments included, and over IPv6: as the first next header, or behind a fragment header. */
export function lowerTransport({ over, number, span }: Of<'transport'>, context: Context): Ir {
  const ip = network(context.scope);
  const found = over.map((version) => {
    const isCarried = carries(LinkProtocol[version], context, span);
    if (version === 'ip') return allOf(isCarried, equals(load(ip, IPV4.protocol, 1), number));
    return allOf(isCarried, context.ipv6ExtensionHeaders > 0 ? behindHeaders(number, ip, context) : inIpv6(number, ip));
  });
  return joined('or', found);
}

function inIpv6(number: number, ip: Place): Ir {
  const nextHeader = load(ip, IPV6.nextHeader, 1);
  return anyOf(
    equals(nextHeader, number),
    allOf(equals(nextHeader, NEXT.fragment), equals(load(ip, IPV6.headerBytes, 1), number)),
  );
}

function behindHeaders(number: number, ip: Place, context: Context): Ir {
  if (WALKED.includes(number)) return amongHeaders(number, ip, context);
  const walk = walkHeaders(ip, context, context.ipv6ExtensionHeaders);
  return allOf(walk.steps, equals(walk.next, number));
}

/** A header that the walk goes over is met on the way. */
function amongHeaders(number: number, ip: Place, context: Context): Ir {
  const { chain, begin, step } = beginWalk(ip, context);
  return allOf(begin, hereOrBehind(equals(chain.next, number), step, context.ipv6ExtensionHeaders));
}

/** What is looked for stands here, or behind up to so many headers more. */
function hereOrBehind(isHere: Ir, step: Ir, count: number): Ir {
  return Array.from({ length: count }).reduce<Ir>((rest) => anyOf(isHere, allOf(step, rest)), isHere);
}

/**
 * Ports over IPv6, then over IPv4, each protocol on its own: libpcap's order, which shows in the verdict of packets too
 * short for all of it. In IPv4 a fragment other than the first has no ports; in IPv6 the ports follow the fixed header.
 */
export function lowerPorts(ports: Of<'ports'>, context: Context): Ir {
  const ip = network(context.scope);
  const isIpv6 = carries(LinkProtocol.ip6, context, ports.span);
  const over6 = context.ipv6ExtensionHeaders > 0 ? portsBehindHeaders(ports, ip, context) : overIpv6(ports, ip);
  const isIpv4 = carries(LinkProtocol.ip, context, ports.span);
  return anyOf(allOf(isIpv6, over6), allOf(isIpv4, overIpv4(ports, ip)));
}

function portsBehindHeaders({ protocols, direction, ranges }: Of<'ports'>, ip: Place, context: Context): Ir {
  const walk = walkHeaders(ip, context, context.ipv6ExtensionHeaders);
  const side = (offset: number) => portsIn(behind(walk.at, ip.offset + offset, 2), ranges);
  const found = towards(direction, side, PORT);
  return allOf(walk.steps, not(walk.isLaterFragment), isOneOf(walk.next, protocols), found);
}

function overIpv6({ protocols, direction, ranges }: Of<'ports'>, ip: Place): Ir {
  const nextHeader = load(ip, IPV6.nextHeader, 1);
  const side = (offset: number) => portsIn(load(ip, IPV6.headerBytes + offset, 2), ranges);
  const found = towards(direction, side, PORT);
  return joined(
    'or',
    protocols.map((number) => allOf(equals(nextHeader, number), found)),
  );
}

function overIpv4({ protocols, direction, ranges }: Of<'ports'>, ip: Place): Ir {
  const protocol = load(ip, IPV4.protocol, 1);
  const isFirst = not(isLaterFragment(ip));
  const side = (offset: number) => portsIn(behindIpv4(ip, offset, 2), ranges);
  const found = towards(direction, side, PORT);
  return joined(
    'or',
    protocols.map((number) => allOf(equals(protocol, number), isFirst, found)),
  );
}

/** `protochain`: the protocol behind any number of headers, up to eight. */
export function lowerChain({ over, number, span }: Of<'protocol-chain'>, context: Context): Ir {
  const ip = network(context.scope);
  const found = over.map((version) => {
    const isCarried = carries(LinkProtocol[version], context, span);
    const chain = new HeaderChain(ip, context, version);
    const isFound = hereOrBehind(equals(chain.next, number), chain.step('like options'), CHAIN_HEADERS);
    return allOf(isCarried, chain.begin(), isFound);
  });
  return joined('or', found);
}

export interface Walk {
  readonly steps: Ir;
  /** What stands behind the last header walked over, and where: its distance from the network header's place. */
  readonly next: Value;
  readonly at: Value;
  readonly isLaterFragment: Ir;
}

/** Walks over up to `count` IPv6 extension headers. */
export function walkHeaders(ip: Place, context: Context, count: number): Walk {
  const { chain, begin, step, isLater } = beginWalk(ip, context);
  const nested = Array.from({ length: count }).reduce<Ir>((rest) => where(step, rest), always(true));
  return { steps: allOf(begin, nested), next: chain.next, at: chain.at, isLaterFragment: isLater };
}

function beginWalk(ip: Place, context: Context) {
  const chain = new HeaderChain(ip, context, 'ip6');
  const later = context.newSlot();
  const isLater: Ir = equals({ kind: 'slot', slot: later }, 1);
  const noteFragment = where(
    allOf(equals(chain.next, NEXT.fragment), hasBits(behind(chain.at, ip.offset + 2, 2), 0xfff8)),
    assign(later, constant(1)),
  );
  // Of later fragments the next header is named, and stands in the first one alone (RFC 8200, 4.5).
  const step = allOf(not(isLater), noteFragment, chain.step());
  return { chain, begin: allOf(assign(later, constant(0)), chain.begin()), step, isLater };
}

/** The headers behind IP's, one after the other: two slots hold the next one's number and place. */
class HeaderChain {
  readonly next: Value;
  readonly at: Value;
  readonly #slots: { readonly next: number; readonly at: number; readonly before: number };

  constructor(
    private readonly ip: Place,
    context: Context,
    private readonly version: 'ip' | 'ip6',
  ) {
    this.#slots = { next: context.newSlot(), at: context.newSlot(), before: context.newSlot() };
    this.next = { kind: 'slot', slot: this.#slots.next };
    this.at = { kind: 'slot', slot: this.#slots.at };
  }

  /** Places are counted from the fixed part of the network header's offset, with what the packet decides. */
  begin(): Ir {
    const { ip } = this;
    const isIpv4 = this.version === 'ip';
    const length = isIpv4 ? ipv4HeaderBytes(ip.offset, ip.base) : constant(IPV6.headerBytes);
    return allOf(
      assign(this.#slots.next, load(ip, isIpv4 ? IPV4.protocol : IPV6.nextHeader, 1)),
      assign(this.#slots.at, ip.base === undefined ? length : binary('+', length, ip.base)),
    );
  }

  /**
   * Over one header; does not hold where what stands there is none.
   * @param fragment header's length: 8 bytes by RFC 8200; `protochain` of libpcap takes its reserved byte for a length
   */
  step(fragment: 'of 8 bytes' | 'like options' = 'of 8 bytes'): Ir {
    const authentication = allOf(equals(this.next, NEXT.authentication), ...this.#over(this.#length(2, 4)));
    if (this.version === 'ip') return authentication;
    const options = [NEXT.hopByHop, NEXT.destinationOptions, NEXT.routing];
    const overOptions = this.#over(this.#length(1, 8));
    if (fragment === 'like options')
      return anyOf(allOf(isOneOf(this.next, [...options, NEXT.fragment]), ...overOptions), authentication);
    const overFragment = allOf(equals(this.next, NEXT.fragment), ...this.#over(constant(FRAGMENT_HEADER_BYTES)));
    return anyOf(allOf(isOneOf(this.next, options), ...overOptions), overFragment, authentication);
  }

  /** Stands in the second byte: of options in units of 8 bytes without the first (RFC 8200), of AH in 4 (RFC 4302). */
  #length(plus: number, unit: number): Value {
    return binary('*', binary('+', behind(this.#before, this.ip.offset + 1, 1), constant(plus)), constant(unit));
  }

  #over(bytes: Value): [Ir, Ir, Ir] {
    return [
      assign(this.#slots.before, this.at),
      assign(this.#slots.next, behind(this.#before, this.ip.offset, 1)),
      assign(this.#slots.at, binary('+', this.#before, bytes)),
    ];
  }

  get #before(): Value {
    return { kind: 'slot', slot: this.#slots.before };
  }
}
