import type { Span } from '@bpfleet/errors';

/** An IPv6 address as four 32-bit words, as the machine compares it. */
export type Words = readonly [number, number, number, number];

export type TokenValue =
  | { readonly kind: 'keyword'; readonly word: string }
  | { readonly kind: 'operator'; readonly operator: string }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'number'; readonly value: number }
  /** Two to four parts; `address` has them in its top `bits` bits. */
  | { readonly kind: 'ipv4'; readonly address: number; readonly bits: number }
  | { readonly kind: 'ipv6'; readonly words: Words }
  | { readonly kind: 'mac'; readonly bytes: readonly number[] }
  /** `$x`, an ARCnet or MS/TP address. */
  | { readonly kind: 'link-address' }
  | { readonly kind: 'end' };

export type Token = TokenValue & { readonly text: string; readonly span: Span };
