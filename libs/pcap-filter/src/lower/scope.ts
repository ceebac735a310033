import type { Span } from '@bpfleet/errors';
import { behind, type Ir, type Load, type Value } from '../ir/ir.js';

/** A place in the packet: a fixed offset, behind a value where the packet decides. */
export interface Place {
  readonly base?: Value;
  readonly offset: number;
}

/** `size` bytes at `offset` from the place. */
export function load(place: Place, offset: number, size: Load['size']): Load {
  return behind(place.base, place.offset + offset, size);
}

export function moved({ base, offset }: Place, by: number): Place {
  return { offset: offset + by, ...(base !== undefined && { base }) };
}

/** How a packet says what it carries; see `protocol.ts`. */
export type Framing =
  | 'ethernet'
  | 'cooked'
  | 'cooked2'
  | 'raw'
  | 'ipv4'
  | 'ipv6'
  | 'null'
  | 'loop'
  | 'ppp'
  | 'wlan'
  /** Behind MPLS labels only the first nibble tells. */
  | 'mpls'
  /** Inside Geneve: an EtherType, with or without an Ethernet header. */
  | 'tunnel';

/**
 * Where things stand for the terms that follow. `vlan`, `mpls`, `pppoes`, `geneve` and `vxlan` replace it for all that
 * stands to their right in the text (libpcap: `off_linkhdr`, `off_linktype`, `off_linkpl`, `off_nl`).
 */
export interface Scope {
  readonly framing: Framing;
  /** For messages. */
  readonly linkName: string;
  /** The link layer's header: addresses, `link[…]`. */
  readonly header: Place;
  /** Where the type of what is carried stands. */
  readonly type: Place;
  /** Behind the link layer's header. */
  readonly payload: Place;
  /** The network header, from `payload`; behind MPLS labels or an LLC and SNAP header. */
  readonly networkOffset: number;
  /** The same for what stands behind LLC without SNAP: OSI protocols. */
  readonly osiOffset: number;
  readonly vlanTags: number;
  readonly mplsLabels: number;
  /** Whether this is the packet's outermost link layer. */
  readonly isOutermost: boolean;
  readonly hasRadio: boolean;
}

/** The network header of the packets that the scope speaks about. */
export function network({ payload, networkOffset }: Scope): Place {
  return moved(payload, networkOffset);
}

/** Fills a slot; may read those of preparations before it. */
export interface Preparation {
  readonly slot: number;
  readonly ir: Ir;
}

/** What lowering knows beside the scope. */
export interface Context {
  /** Changes as terms are lowered, in the order of the text. */
  scope: Scope;
  readonly live: boolean;
  /** As a number; undefined where nobody gave one. */
  readonly netmask: number | undefined;
  readonly ipv6ExtensionHeaders: number;
  readonly vlanTransparent: boolean;
  readonly newSlot: () => number;
  /** What is worked out before the first term, where a term needs it: the length of a radiotap header. */
  readonly prologue: Preparation[];
}

export type At = Span | undefined;
