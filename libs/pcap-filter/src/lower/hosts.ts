import { unsupportedFault } from '../fault.js';
import { binary, constant, type Ir, type Load, type Value } from '../ir/ir.js';
import { ALL_BITS } from '../ir/ranges.js';
import { allOf, anyOf, joined } from '../logic.js';
import type { Direction } from '../parse/tree.js';
import { type Ipv4Carrier, LinkProtocol, type Meaning, type Network6 } from '../resolve/meaning.js';
import { assign, equals } from './conditions.js';
import { type AddressSet, addressSetOf, inAddressSet, isOneOfWords } from './lists.js';
import { carries } from './protocol.js';
import { type Context, load, network, type Place } from './scope.js';

type Of<Kind extends Meaning['kind']> = Extract<Meaning, { kind: Kind }>;

/** Where the addresses stand behind the network header's start: RFC 791, and RFC 826 for Ethernet and IPv4. */
const IPV4_ADDRESSES: Readonly<Record<Ipv4Carrier, { source: number; destination: number }>> = {
  ip: { source: 12, destination: 16 },
  arp: { source: 14, destination: 24 },
  rarp: { source: 14, destination: 24 },
};
/** RFC 8200. */
const IPV6_ADDRESSES = { source: 8, destination: 24 } as const;

/** Joins the conditions on the two sides of a packet, source first, as the direction says. */
export function towards<Where>(
  direction: Direction,
  side: (where: Where) => Ir,
  ends: { readonly source: Where; readonly destination: Where },
): Ir {
  switch (direction) {
    case 'src':
      return side(ends.source);
    case 'dst':
      return side(ends.destination);
    case 'src or dst':
      return anyOf(side(ends.source), side(ends.destination));
    case 'src and dst':
      return allOf(side(ends.source), side(ends.destination));
  }
}

/** Lists longer than this are asked for once for all carriers, behind an offset that the carrier decides. */
const SHARED_RANGES = 48;

export function lowerHost4(meaning: Of<'host4'>, context: Context): Ir {
  const { networks, direction, span } = meaning;
  // Behind MPLS labels there is no ARP to tell; libpcap leaves it out unless it is asked for by name.
  const isBehindLabels = context.scope.mplsLabels > 0 && meaning.carriers.length > 1;
  const carriers: readonly Ipv4Carrier[] = isBehindLabels ? ['ip'] : meaning.carriers;
  const addresses = addressSetOf(networks);
  const isLong = addresses.ranges.length / 2 > SHARED_RANGES && carriers.length > 1;
  if (isLong) return sharedByCarriers(addresses, direction, carriers, context);
  const place = network(context.scope);
  const side = (offset: number) => inAddressSet(load(place, offset, 4), addresses);
  const found = carriers.map((carrier) =>
    allOf(carries(LinkProtocol[carrier], context, span), towards(direction, side, IPV4_ADDRESSES[carrier])),
  );
  return joined('or', found);
}

/** Each carrier says where its addresses stand; then one tree serves all of them. */
function sharedByCarriers(
  addresses: AddressSet,
  direction: Direction,
  carriers: readonly Ipv4Carrier[],
  context: Context,
): Ir {
  const place = network(context.scope);
  const slots = { source: context.newSlot(), destination: context.newSlot() };
  const fieldAt = (slot: number): Load => ({ kind: 'load', size: 4, base: { kind: 'slot', slot }, offset: 0 });
  const uses = { source: direction !== 'dst', destination: direction !== 'src' };
  const located = carriers.map((carrier) => {
    const { source, destination } = IPV4_ADDRESSES[carrier];
    const isCarried = carries(LinkProtocol[carrier], context);
    const assigns = [
      ...(uses.source ? [assign(slots.source, addressOf(place, source))] : []),
      ...(uses.destination ? [assign(slots.destination, addressOf(place, destination))] : []),
    ];
    return allOf(isCarried, ...assigns);
  });
  const side = (slot: number) => inAddressSet(fieldAt(slot), addresses);
  return allOf(joined('or', located), towards(direction, side, slots));
}

/** The place as a number. */
function addressOf({ base, offset }: Place, by: number): Value {
  return base === undefined ? constant(offset + by) : binary('+', base, constant(offset + by));
}

export function lowerHost6({ networks, direction, span }: Of<'host6'>, context: Context): Ir {
  const place = network(context.scope);
  const isCarried = carries(LinkProtocol.ip6, context, span);
  const values = networks.map(({ address, mask }: Network6) =>
    address.map((word, index) => ({ address: word, mask: mask[index] ?? ALL_BITS })),
  );
  const side = (offset: number) =>
    isOneOfWords(
      [0, 4, 8, 12].map((by) => load(place, offset + by, 4)),
      values,
    );
  return allOf(isCarried, towards(direction, side, IPV6_ADDRESSES));
}

const DECNET_ADDRESSES = { source: { short: 5, long: 17 }, destination: { short: 3, long: 9 } } as const;

/**
 * DECnet phase IV (libpcap: `gen_dnhostop`): short and long data packets, each with and without a byte of padding in
 * front; the node number is little-endian.
 */
export function lowerDecnetHost({ address, direction, span }: Of<'decnet-host'>, context: Context): Ir {
  const place = network(context.scope);
  const isCarried = carries(LinkProtocol.decnet, context, span);
  const swapped = ((address & 0xff) << 8) | (address >>> 8);
  const side = ({ short, long }: { readonly short: number; readonly long: number }) =>
    anyOf(
      allOf(equals(load(place, 2, 1), 0x02, 0x07), equals(load(place, short, 2), swapped)),
      allOf(equals(load(place, 2, 2), 0x8102, 0xff07), equals(load(place, short + 1, 2), swapped)),
      allOf(equals(load(place, 2, 1), 0x06, 0x07), equals(load(place, long, 2), swapped)),
      allOf(equals(load(place, 2, 2), 0x8106, 0xff07), equals(load(place, long + 1, 2), swapped)),
    );
  return allOf(isCarried, towards(direction, side, DECNET_ADDRESSES));
}

/** @throws BpfleetError `FILTER_UNSUPPORTED` for terms that need a link layer with addresses */
export function refuseWithoutAddresses(what: string, context: Context, span: Meaning['span']): never {
  throw unsupportedFault(span, `${what} exist on Ethernet and 802.11, not on ${context.scope.linkName}`);
}
