/**
 * What a packet must contain for a filter to be able to match it: a condition over the tokens that the store indexes.
 * Where it does not hold the packet does not match; where it holds nothing is said.
 */
export type Prefilter =
  /** Nothing can be told: look at every packet. */
  | { readonly kind: 'all' }
  /** No packet can match. */
  | { readonly kind: 'none' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Prefilter[] }
  | { readonly kind: 'token'; readonly token: PrefilterToken };

/**
 * A fact about a packet that an index keeps. A prefilter is right for an index that gives every packet **at least** these
 * tokens, or keeps the packet out of pruning:
 *
 * - `ipv4`: every source and destination address of every IPv4 header, and the sender's and target's protocol addresses
 *   of ARP and RARP (bytes 14 and 24), each with 32, 24, 16 and 8 bits. `address` has zeros behind its `bits`.
 * - `ipv6`: every source and destination address of every IPv6 header, with 128, 64, 48 and 32 bits.
 * - `port`: both ports of TCP, UDP and SCTP behind every IPv4 header that is no later fragment, behind every fixed IPv6
 *   header, and behind its extension headers.
 * - `protocol`: the protocol number of every IPv4 header, also of fragments, and every next header number: of the fixed
 *   IPv6 header and of each hop-by-hop, routing, fragment, destination options and authentication header behind an IP header,
 *   whether a fragment header has 8 bytes (RFC 8200) or its reserved byte for a length (`protochain`).
 * - `mac`: the addresses of every Ethernet header, and the four places of addresses in 802.11 (whatever the frame's type).
 * - `vlan`: the identifier of every tag, in the bytes and in the metadata.
 * - `ethertype`: every number above 1500 (smaller ones are lengths) in the place of a link layer's type (Ethernet, behind a
 *   tag, cooked, behind LLC and SNAP in 802.11, PPP's protocol, Geneve's); 0x0800 and 0x86dd also where IPv4 and IPv6 are
 *   told otherwise (PPP 0x21 and 0x57, an address family of NULL and LOOP, the version's nibble of raw IP and behind MPLS
 *   labels), 0x8847 for PPP's 0x281, 0x8100 for a tag in the metadata, whatever its protocol.
 *
 * "Every" header is every one that the language reaches: the outermost, and those behind VLAN tags, MPLS labels, PPPoE
 * sessions, Geneve (UDP port 6081, version 0) and VXLAN (4789, the flag of its number set), in any order and depth. A type
 * is believed as the language believes it: behind EtherType 0x0800 stands an IPv4 header, whatever its version says. A
 * packet that was cut before the last of these places must not be pruned, nor one that ends inside one of them.
 */
export type PrefilterToken =
  | { readonly kind: 'ipv4'; readonly address: number; readonly bits: (typeof IPV4_BITS)[number] }
  /** Four words, the first the most significant. */
  | {
      readonly kind: 'ipv6';
      readonly address: readonly [number, number, number, number];
      readonly bits: (typeof IPV6_BITS)[number];
    }
  | { readonly kind: 'port'; readonly port: number }
  /** Six bytes. */
  | { readonly kind: 'mac'; readonly address: readonly number[] }
  | { readonly kind: 'vlan'; readonly id: number }
  | { readonly kind: 'ethertype'; readonly value: number }
  | { readonly kind: 'protocol'; readonly value: number };

/** The prefixes of addresses that are indexed, the longest first. */
export const IPV4_BITS = [32, 24, 16, 8] as const;
export const IPV6_BITS = [128, 64, 48, 32] as const;

export const ALL: Prefilter = { kind: 'all' };
export const NONE: Prefilter = { kind: 'none' };

export function tokenOf(token: PrefilterToken): Prefilter {
  return { kind: 'token', token };
}

/**
 * Whether a packet, or one of many packets, can match, from the tokens it has. False means that none matches; an index
 * that sometimes says "has" wrongly (a Bloom filter) only prunes less.
 */
export function mayMatch(prefilter: Prefilter, has: (token: PrefilterToken) => boolean): boolean {
  switch (prefilter.kind) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'token':
      return has(prefilter.token);
    case 'and':
      return prefilter.parts.every((part) => mayMatch(part, has));
    case 'or':
      return prefilter.parts.some((part) => mayMatch(part, has));
  }
}
