import type { Span } from '@bpfleet/errors';
import type { Token } from '../lex/token.js';
import type { Logic } from '../logic.js';

export type Direction = 'src' | 'dst' | 'src or dst' | 'src and dst';
/** Which of an 802.11 frame's addresses: `addr1` … `addr4`, receiver, transmitter. */
export type WlanAddress = 'addr1' | 'addr2' | 'addr3' | 'addr4' | 'ra' | 'ta';
export type Type = 'host' | 'net' | 'port' | 'portrange' | 'proto';

/** The words in front of a value. What is absent was not written; `resolve` knows what it defaults to. */
export interface Qualifiers {
  readonly protocol?: string;
  readonly direction?: Direction;
  readonly type?: Type;
  readonly span: Span;
}

type Ipv4 = Extract<Token, { kind: 'ipv4' }>;
type Ipv6 = Extract<Token, { kind: 'ipv6' }>;

/** What the qualifiers speak about: an address, a number or a name. */
export type Value =
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

export type Term = Primitive | Abbreviation | LengthLimit;

/** The syntax tree. Undefined: an empty expression, which every packet matches. */
export type Tree = Logic<Term> | undefined;
