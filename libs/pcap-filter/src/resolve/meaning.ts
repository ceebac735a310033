import type { Words } from '../lex/token.js';
import type { Logic } from '../logic.js';
import type { Direction } from '../parse/tree.js';

/** Protocols whose packets carry IPv4 addresses: in the header, or as ARP's and RARP's protocol addresses. */
export type Ipv4Carrier = 'ip' | 'arp' | 'rarp';

/** An address with the bits of it that count; a host's mask is all ones. */
export interface Network4 {
  readonly address: number;
  readonly mask: number;
}
export interface Network6 {
  readonly address: Words;
  readonly mask: Words;
}

/** Both ends belong to it. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/**
 * What a term speaks about, with every default filled in and every name looked up; still without a byte offset.
 * The link type alone decides where in the packet these are. Where a kind has a list, one of it must match.
 */
export type Meaning =
  | { readonly kind: 'network'; readonly protocol: 'ip' | 'ip6' | 'arp' | 'rarp' }
  | { readonly kind: 'transport'; readonly over: readonly ('ip' | 'ip6')[]; readonly number: number }
  | {
      readonly kind: 'host4';
      readonly networks: readonly Network4[];
      readonly direction: Direction;
      readonly carriers: readonly Ipv4Carrier[];
    }
  | { readonly kind: 'host6'; readonly networks: readonly Network6[]; readonly direction: Direction }
  | {
      readonly kind: 'ports';
      readonly ranges: readonly PortRange[];
      readonly direction: Direction;
      /** IP protocol numbers. */
      readonly protocols: readonly number[];
    }
  | { readonly kind: 'mac'; readonly addresses: readonly (readonly number[])[]; readonly direction: Direction }
  | { readonly kind: 'length'; readonly limit: 'less' | 'greater'; readonly bytes: number };

/** The typed tree. Undefined: every packet. */
export type Meanings = Logic<Meaning> | undefined;
