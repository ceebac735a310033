import type { Span } from '@bpfleet/errors';
import type { BinaryOperator } from '../ir/ir.js';
import type { Words } from '../lex/token.js';
import type { Logic } from '../logic.js';
import type { Direction, WlanAddress } from '../parse/tree.js';

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

/** EtherTypes (IEEE 802, IANA) and, below 0x600, LLC service access points: what a frame says it carries. */
export const LinkProtocol = {
  stp: 0x42,
  ipx: 0xe0,
  netbeui: 0xf0,
  iso: 0xfe,
  ip: 0x0800,
  arp: 0x0806,
  mopdl: 0x6001,
  moprc: 0x6002,
  decnet: 0x6003,
  lat: 0x6004,
  sca: 0x6007,
  rarp: 0x8035,
  atalk: 0x809b,
  aarp: 0x80f3,
  ip6: 0x86dd,
  slow: 0x8809,
  lldp: 0x88cc,
  loopback: 0x9000,
} as const;

/** What `proto[…]` counts from: a link layer's, network layer's or transport's first byte. */
export type AccessorProtocol =
  | 'link'
  | 'radio'
  | 'ip'
  | 'ip6'
  | 'arp'
  | 'rarp'
  | 'atalk'
  | 'decnet'
  | 'lat'
  | 'sca'
  | 'moprc'
  | 'mopdl'
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmp'
  | 'icmp6'
  | 'igmp'
  | 'igrp'
  | 'pim'
  | 'vrrp'
  | 'carp';

/** A calculation over a packet, unsigned and modulo 2^32. */
export type Arithmetic =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'length' }
  | {
      readonly kind: 'accessor';
      readonly protocol: AccessorProtocol;
      readonly index: Arithmetic;
      readonly size: 1 | 2 | 4;
      readonly span: Span;
    }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Arithmetic;
      readonly right: Arithmetic;
    }
  | { readonly kind: 'negate'; readonly operand: Arithmetic };

export type Comparison = '=' | '!=' | '>' | '>=' | '<' | '<=';

/** The kinds of LLC frames (IEEE 802.2): `llc`, or one of its formats or commands. */
export type LlcFrame =
  | 'any'
  | 'i'
  | 's'
  | 'u'
  | 'rr'
  | 'rnr'
  | 'rej'
  | 'ui'
  | 'ua'
  | 'disc'
  | 'dm'
  | 'sabme'
  | 'test'
  | 'xid'
  | 'frmr';

/**
 * What a term speaks about, with every default filled in and every name looked up; still without a byte offset.
 * The link type alone decides where in the packet these are. Where a kind has a list, one of it must match.
 */
export type Meaning = MeaningOfKind & {
  /** Of the term in the expression, for refusals that only the link type brings; of a joined list all of it. */
  readonly span?: Span;
};

type MeaningOfKind =
  /** `ip`, `stp`, `ether proto 0x88cc`: see `LinkProtocol`. */
  | { readonly kind: 'link-protocol'; readonly protocol: number }
  | { readonly kind: 'transport'; readonly over: readonly ('ip' | 'ip6')[]; readonly number: number }
  /** `protochain`: as `transport`, behind any number of extension headers. */
  | { readonly kind: 'protocol-chain'; readonly over: readonly ('ip' | 'ip6')[]; readonly number: number }
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
  | {
      readonly kind: 'mac';
      readonly addresses: readonly (readonly number[])[];
      readonly direction: Direction | WlanAddress;
    }
  | { readonly kind: 'length'; readonly limit: 'less' | 'greater'; readonly bytes: number }
  /** `broadcast`, `ip multicast` … */
  | { readonly kind: 'cast'; readonly layer: 'link' | 'ip' | 'ip6'; readonly cast: 'broadcast' | 'multicast' }
  | { readonly kind: 'packet-direction'; readonly direction: 'inbound' | 'outbound' }
  | { readonly kind: 'interface-index'; readonly index: number }
  /** These shift the place of everything to their right, in the order of the text. Without numbers: any. */
  | { readonly kind: 'vlan'; readonly ids?: readonly PortRange[] }
  | { readonly kind: 'mpls'; readonly label?: number }
  | { readonly kind: 'pppoe-discovery' }
  | { readonly kind: 'pppoe-session'; readonly session?: number }
  | { readonly kind: 'geneve'; readonly vni?: number }
  | { readonly kind: 'vxlan'; readonly vni?: number }
  | { readonly kind: 'llc'; readonly frame: LlcFrame }
  /** 802.11 `type`, `subtype`: the first byte of frame control, masked. */
  | { readonly kind: 'wlan-frame'; readonly value: number; readonly mask: number }
  /** 802.11 `dir`: the DS bits of frame control's second byte. */
  | { readonly kind: 'wlan-direction'; readonly direction: number }
  | {
      readonly kind: 'relation';
      readonly left: Arithmetic;
      readonly comparison: Comparison;
      readonly right: Arithmetic;
    }
  /** DECnet phase IV address, as two bytes in host order (area * 1024 + node). */
  | { readonly kind: 'decnet-host'; readonly address: number; readonly direction: Direction }
  /** `clnp`, `esis`, `isis`, `iso proto N`: the first byte of an OSI network header. */
  | { readonly kind: 'iso-protocol'; readonly number: number }
  /** IS-IS PDU types, one of them: `l1`, `iih`, `isis proto N`. */
  | { readonly kind: 'isis'; readonly types: readonly number[] };

/** The typed tree. Undefined: every packet. */
export type Meanings = Logic<Meaning> | undefined;
