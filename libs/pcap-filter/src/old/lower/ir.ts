import type { Logic } from '../../logic.js';

/** Where a load's offset counts from. */
export type Base =
  | { readonly kind: 'packet' }
  /** Past an IPv4 header that starts at `at`: its length stands in its first byte (cBPF: `ldxb 4*([at]&0xf)`). */
  | { readonly kind: 'ipv4-payload'; readonly at: number };

/** `size` bytes of the packet, big-endian. A load outside the packet makes the verdict "no", also under `not`. */
export interface Load {
  readonly kind: 'load';
  readonly size: 1 | 2 | 4;
  readonly base: Base;
  readonly offset: number;
}

/** The packet's length on the wire. */
export interface Length {
  readonly kind: 'length';
}

/** An unsigned 32-bit number read from a packet. Arithmetic joins here when the language has it. */
export type Field = Load | Length;

/** `eq`, `gt` and `ge` compare unsigned; `set`: any of the operand's bits. */
export type Comparison = 'eq' | 'gt' | 'ge' | 'set';

/** One question about a packet: `(field & mask) comparison operand`. */
export interface Test {
  readonly kind: 'test';
  readonly field: Field;
  /** All ones where the field is compared as it is. */
  readonly mask: number;
  readonly comparison: Comparison;
  readonly operand: number;
}

export type Condition = Test | { readonly kind: 'always'; readonly value: boolean };

/** What `lower` gives: conditions over fields, joined. Every target is made from this. */
export type Ir = Logic<Condition>;

export const ALL_BITS = 0xffff_ffff;

/** A name for the field that two fields share only when they read the same bytes. */
export function fieldKey(field: Field): string {
  if (field.kind === 'length') return 'len';
  const { size, base, offset } = field;
  return base.kind === 'packet' ? `[${offset}:${size}]` : `[ipv4(${base.at})+${offset}:${size}]`;
}
