import type { Words } from '../lex/token.js';
import type { Logic } from '../logic.js';
import type { Direction } from '../parse/tree.js';

/** Protocols whose packets carry IPv4 addresses: in the header, or as ARP's and RARP's protocol addresses. */
export type Ipv4Carrier = 'ip' | 'arp' | 'rarp';

/**
 * What a term speaks about, with every default filled in and every name looked up; still without a byte offset.
 * The link type alone decides where in the packet these are.
 */
export type Meaning =
  | { readonly kind: 'network'; readonly protocol: 'ip' | 'ip6' | 'arp' | 'rarp' }
  | { readonly kind: 'transport'; readonly over: readonly ('ip' | 'ip6')[]; readonly number: number }
  | {
      readonly kind: 'host4';
      readonly address: number;
      readonly mask: number;
      readonly direction: Direction;
      readonly carriers: readonly Ipv4Carrier[];
    }
  | { readonly kind: 'host6'; readonly address: Words; readonly mask: Words; readonly direction: Direction }
  | {
      readonly kind: 'ports';
      readonly from: number;
      readonly to: number;
      readonly direction: Direction;
      /** IP protocol numbers. */
      readonly protocols: readonly number[];
    }
  | { readonly kind: 'mac'; readonly bytes: readonly number[]; readonly direction: Direction }
  | { readonly kind: 'length'; readonly limit: 'less' | 'greater'; readonly bytes: number };

/** The typed tree. Undefined: every packet. */
export type Meanings = Logic<Meaning> | undefined;
