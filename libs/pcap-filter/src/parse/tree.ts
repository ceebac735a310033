import type { Span } from '@bpfleet/errors';
import type { BinaryOperator } from '../ir/ir.js';
import type { Token } from '../lex/token.js';
import type { Logic } from '../logic.js';

export type Direction = 'src' | 'dst' | 'src or dst' | 'src and dst';
/** Which of an 802.11 frame's addresses: `addr1` … `addr4`, receiver, transmitter. */
export type WlanAddress = 'addr1' | 'addr2' | 'addr3' | 'addr4' | 'ra' | 'ta';
export type Type = 'host' | 'net' | 'port' | 'portrange' | 'proto' | 'protochain';

/** The words in front of a value. What is absent was not written; `resolve` knows what it defaults to. */
export interface Qualifiers {
  readonly protocol: string | undefined;
  readonly direction: Direction | WlanAddress | undefined;
  readonly type: Type | undefined;
  readonly span: Span;
}

type Ipv4 = Extract<Token, { kind: 'ipv4' }>;
type Ipv6 = Extract<Token, { kind: 'ipv6' }>;

/** `{10.0.0.1, 10.1.0.0/16, @list}`: one of these. */
export interface ValueSet {
  readonly kind: 'set';
  readonly items: readonly Exclude<Value, ValueSet>[];
  /** Lists to be looked up, without their `@`. */
  readonly lists: readonly Extract<Token, { kind: 'name' }>[];
  readonly text: string;
}

/** What the qualifiers speak about: an address, a number, a name, or a set of them. */
export type Value =
  | ValueSet
  | Extract<Token, { kind: 'name' | 'number' | 'mac' }>
  | (Ipv4 & { readonly prefixLength?: number; readonly mask?: Ipv4 })
  | (Ipv6 & { readonly prefixLength?: number });

/** `tcp src port 80`. In a list (`port 80 or 443`) later values take over the qualifiers. */
export interface Primitive {
  readonly kind: 'primitive';
  readonly qualifiers: Qualifiers;
  readonly value: Value;
  /** Of the value; the qualifiers have their own. */
  readonly span: Span;
}

/** A protocol's name alone: `tcp`, `arp`. */
export interface Abbreviation {
  readonly kind: 'abbreviation';
  readonly protocol: string;
  readonly span: Span;
}

/** `less N` and `greater N`: the packet's length, both inclusive. */
export interface LengthLimit {
  readonly kind: 'length';
  readonly limit: 'less' | 'greater';
  readonly bytes: number;
  readonly span: Span;
}

/** `broadcast`, `ip multicast`. */
export interface Cast {
  readonly kind: 'cast';
  readonly cast: 'broadcast' | 'multicast';
  readonly protocol?: string;
  readonly span: Span;
}

/** `inbound`, `outbound`. */
export interface PacketDirection {
  readonly kind: 'packet-direction';
  readonly direction: 'inbound' | 'outbound';
  readonly span: Span;
}

export type NumberedWord = 'ifindex' | 'vlan' | 'mpls' | 'pppoed' | 'pppoes' | 'geneve' | 'vxlan';

/** A word with a number behind it, or without: `vlan 100`, `mpls`. Only `vlan` takes several, and ranges of them. */
export interface Numbered {
  readonly kind: 'numbered';
  readonly word: NumberedWord;
  readonly numbers: readonly { readonly from: number; readonly to: number }[];
  readonly span: Span;
}

/** `llc`, `llc rr`. */
export interface Llc {
  readonly kind: 'llc';
  readonly frame?: string;
  readonly span: Span;
}

export type NumberOrName = Extract<Token, { kind: 'number' | 'name' }>;

/** `type mgt subtype beacon`; one of the two at least. */
export interface WlanFrame {
  readonly kind: 'wlan-frame';
  readonly type?: NumberOrName;
  readonly subtype?: NumberOrName;
  readonly span: Span;
}

/** `dir fromds`. */
export interface WlanDirection {
  readonly kind: 'wlan-direction';
  readonly direction: NumberOrName;
  readonly span: Span;
}

/** A calculation as it was written. */
export type Calculation =
  | { readonly kind: 'number'; readonly value: number; readonly span: Span }
  | { readonly kind: 'length'; readonly span: Span }
  | {
      readonly kind: 'accessor';
      readonly protocol: string;
      readonly index: Calculation;
      readonly size: number;
      readonly span: Span;
    }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: Calculation;
      readonly right: Calculation;
      readonly span: Span;
    }
  | { readonly kind: 'negate'; readonly operand: Calculation; readonly span: Span };

/** `tcp[13] & 2 != 0`. */
export interface Relation {
  readonly kind: 'relation';
  readonly left: Calculation;
  readonly comparison: '=' | '!=' | '>' | '>=' | '<' | '<=';
  readonly right: Calculation;
  readonly span: Span;
}

export type Term =
  | Primitive
  | Abbreviation
  | LengthLimit
  | Cast
  | PacketDirection
  | Numbered
  | Llc
  | WlanFrame
  | WlanDirection
  | Relation;

/** The syntax tree. Undefined: an empty expression, which every packet matches. */
export type Tree = Logic<Term> | undefined;
