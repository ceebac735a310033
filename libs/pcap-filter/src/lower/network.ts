import { allOf, anyOf } from '../logic.js';
import type { Direction } from '../parse/tree.js';
import type { Ipv4Carrier, Meaning } from '../resolve/meaning.js';
import { ALL_BITS, type Ir } from './ir.js';
import type { LinkLayer } from './link-layer.js';
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
export function towards(direction: Direction, source: () => Ir, destination: () => Ir): Ir {
  switch (direction) {
    case 'src':
      return source();
    case 'dst':
      return destination();
    case 'src or dst':
      return anyOf(source(), destination());
    case 'src and dst':
      return allOf(source(), destination());
  }
}

export function lowerHost4({ address, mask, direction, carriers }: Of<'host4'>, link: LinkLayer): Ir {
  const found = carriers.map((carrier) => {
    const side = (offset: number) =>
      allOf(link.carries(carrier), equals(at(link.network + offset, 4), (address & mask) >>> 0, mask));
    const { source, destination } = IPV4_ADDRESSES[carrier];
    return towards(
      direction,
      () => side(source),
      () => side(destination),
    );
  });
  return any(found);
}

export function lowerHost6({ address, mask, direction }: Of<'host6'>, link: LinkLayer): Ir {
  const side = (offset: number) =>
    allOf(
      link.carries('ip6'),
      ...address.map((word, index) => equals(at(link.network + offset + index * 4, 4), word, mask[index] ?? ALL_BITS)),
    );
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
export function lowerMac({ bytes, direction }: Of<'mac'>, link: LinkLayer): Ir {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  const side = (offset: number) =>
    allOf(equals(at(offset + 2, 4), ((c << 24) | (d << 16) | (e << 8) | f) >>> 0), equals(at(offset, 2), a * 256 + b));
  return towards(
    direction,
    () => side(link.addresses.source),
    () => side(link.addresses.destination),
  );
}

export function any(found: readonly Ir[]): Ir {
  const [first, ...more] = found;
  if (first === undefined) throw new RangeError('a term that is looked for nowhere');
  return anyOf(first, ...more);
}
