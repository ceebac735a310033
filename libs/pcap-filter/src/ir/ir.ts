import type { Logic } from '../logic.js';
import type { Ranges } from './ranges.js';

/**
 * What the front of the compiler gives to all its back ends: conditions over numbers read from a packet, joined by and,
 * or, not. `evaluate` is its meaning.
 *
 * Conditions are tried from left to right, as far as the answer needs. A load outside the packet, or a division by 0,
 * ends everything with "no", also under `not`.
 */
export type Ir = Logic<Condition>;

export type Condition = Test | Compare | Assign | Always;

/** `(value & mask)` is in `within`. Networks and other aligned blocks are ranges of the whole value, not masks. */
export interface Test {
  readonly kind: 'test';
  readonly value: Value;
  /** All ones where the value is taken as it is. */
  readonly mask: number;
  readonly within: Ranges;
}

/** Two values that are both not constant, unsigned. */
export interface Compare {
  readonly kind: 'compare';
  readonly left: Value;
  readonly comparison: 'eq' | 'gt' | 'ge';
  readonly right: Value;
}

/**
 * Keeps a value for later conditions, and holds. For offsets that the packet decides: the length of a radiotap header,
 * whether a VLAN tag stands in the bytes. A slot that was not assigned on the way is 0.
 */
export interface Assign {
  readonly kind: 'assign';
  readonly slot: number;
  readonly value: Value;
}

export interface Always {
  readonly kind: 'always';
  readonly value: boolean;
}

/** An unsigned 32-bit number. Arithmetic is modulo 2^32; shifts use the low five bits of their distance, as the kernel. */
export type Value =
  | { readonly kind: 'constant'; readonly value: number }
  /** The packet's length on the wire. */
  | { readonly kind: 'length' }
  | { readonly kind: 'metadata'; readonly name: MetadataName }
  | { readonly kind: 'slot'; readonly slot: number }
  | Load
  | { readonly kind: 'binary'; readonly operator: BinaryOperator; readonly left: Value; readonly right: Value }
  | { readonly kind: 'negate'; readonly operand: Value };

/** `size` bytes of the packet, big-endian, at `base + offset` (modulo 2^32; from 2^31 on: outside). */
export interface Load {
  readonly kind: 'load';
  readonly size: 1 | 2 | 4;
  /** Undefined: the packet's first byte. */
  readonly base: Value | undefined;
  readonly offset: number;
}

/** What the kernel keeps beside the bytes (`SKF_AD_*`). */
export type MetadataName = 'protocol' | 'packetType' | 'interfaceIndex' | 'vlanTci' | 'vlanTagPresent' | 'vlanProtocol';

export type BinaryOperator = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<<' | '>>';

export function constant(value: number): Value {
  return { kind: 'constant', value };
}

/** A load at a fixed offset. */
export function at(offset: number, size: Load['size']): Load {
  return { kind: 'load', size, base: undefined, offset };
}

/** A load behind a value. */
export function behind(base: Value | undefined, offset: number, size: Load['size']): Load {
  return { kind: 'load', size, base, offset };
}

export function binary(operator: BinaryOperator, left: Value, right: Value): Value {
  return { kind: 'binary', operator, left, right };
}

/** An IPv4 header's length in bytes, from its first byte at `base + offset` (cBPF: `ldxb 4*([k]&0xf)`, RFC 791 IHL). */
export function ipv4HeaderBytes(offset: number, base?: Value): Value {
  return binary('<<', binary('&', behind(base, offset, 1), constant(0xf)), constant(2));
}
