import { unsupportedFault } from '../../fault.js';
import { allOf, anyOf } from '../../logic.js';
import type { Direction, WlanAddress } from '../../parse/tree.js';
import type { Ipv4Carrier, Meaning, Network6 } from '../../resolve/meaning.js';
import { ALL_BITS, type Ir } from './ir.js';
import type { LinkLayer } from './link-layer.js';
import { any, inNetworks, isOneOf } from './lists.js';
import { at, equals } from './tests.js';

type Of<Kind extends Meaning['kind']> = Extract<Meaning, { kind: Kind }>;

/** Where the addresses stand behind the network header's start: RFC 791, and RFC 826 for Ethernet and IPv4. */
const IPV4_ADDRESSES: Readonly<Record<Ipv4Carrier, { source: number; destination: number }>> = {
  ip: { source: 12, destination: 16 },
  arp: { source: 14, destination: 24 },
  rarp: { source: 14, destination: 24 },
};
/** RFC 8200. */
const IPV6 = { nextHeader: 6, source: 8, destination: 24, headerBytes: 40, fragment: 44 } as const;
const IPV4 = { protocol: 9 } as const;

/** Joins the conditions on the two sides of a packet, source first, as the direction says. */
export function towards(direction: Direction | WlanAddress, source: () => Ir, destination: () => Ir): Ir {
  switch (direction) {
    case 'src':
      return source();
    case 'dst':
      return destination();
    case 'src or dst':
      return anyOf(source(), destination());
    case 'src and dst':
      return allOf(source(), destination());
    default:
      throw unsupportedFault(undefined, 'this term is not lowered yet');
  }
}

export function lowerHost4({ networks, direction, carriers }: Of<'host4'>, link: LinkLayer): Ir {
  const found = carriers.map((carrier) => {
    const side = (offset: number) => allOf(link.carries(carrier), inNetworks(at(link.network + offset, 4), networks));
    const { source, destination } = IPV4_ADDRESSES[carrier];
    return towards(
      direction,
      () => side(source),
      () => side(destination),
    );
  });
  return any(found);
}

export function lowerHost6({ networks, direction }: Of<'host6'>, link: LinkLayer): Ir {
  const wordsOf = ({ address, mask }: Network6, offset: number) =>
    address.map((word, index) => ({
      field: at(link.network + offset + index * 4, 4),
      address: word,
      mask: mask[index] ?? ALL_BITS,
    }));
  const side = (offset: number) => allOf(link.carries('ip6'), isOneOf(networks.map((one) => wordsOf(one, offset))));
  return towards(
    direction,
    () => side(IPV6.source),
    () => side(IPV6.destination),
  );
}

/**
 * A protocol over IPv4, fragments included, and over IPv6: as the first next header, or behind a fragment header.
 * Other extension headers are not walked, as in libpcap.
 */
export function lowerTransport({ over, number }: Of<'transport'>, link: LinkLayer): Ir {
  const nextHeader = at(link.network + IPV6.nextHeader, 1);
  const found = over.map((network) =>
    network === 'ip'
      ? allOf(link.carries('ip'), equals(at(link.network + IPV4.protocol, 1), number))
      : allOf(
          link.carries('ip6'),
          anyOf(
            equals(nextHeader, number),
            allOf(equals(nextHeader, IPV6.fragment), equals(at(link.network + IPV6.headerBytes, 1), number)),
          ),
        ),
  );
  return any(found);
}

/** The four low bytes of a MAC address are compared before its two high ones, as in libpcap. */
export function lowerMac({ addresses, direction }: Of<'mac'>, link: LinkLayer): Ir {
  const wordsOf = ([a = 0, b = 0, c = 0, d = 0, e = 0, f = 0]: readonly number[], offset: number) => [
    { field: at(offset + 2, 4), address: ((c << 24) | (d << 16) | (e << 8) | f) >>> 0, mask: ALL_BITS },
    { field: at(offset, 2), address: a * 256 + b, mask: ALL_BITS },
  ];
  const side = (offset: number) => isOneOf(addresses.map((one) => wordsOf(one, offset)));
  return towards(
    direction,
    () => side(link.addresses.source),
    () => side(link.addresses.destination),
  );
}
