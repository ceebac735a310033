import { hasBits } from '../bloom/bloom.js';
import type { SectionIndex } from '../tokens/section-index.js';

/** A question to the index of a section. "No" means that no packet of the section matches, or is left undecided. */
export type SectionTest =
  /** Nothing can be told: look at every section. */
  | { readonly kind: 'all' }
  /** No section can have such a packet, whatever is in it; those that are opaque are looked at all the same. */
  | { readonly kind: 'none' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly SectionTest[] }
  /** All of a token's bits, as `bitsOf` gives them. */
  | { readonly kind: 'bits'; readonly bits: readonly number[] }
  /** One of these layers (`layerOf`). */
  | { readonly kind: 'layers'; readonly anyOf: readonly number[] };

export const EVERY_SECTION: SectionTest = { kind: 'all' };

/** Whether the section must be looked at: what the store's SQL says, too. */
export function mayHold(test: SectionTest, index: SectionIndex): boolean {
  return index.opaque || passes(test, index);
}

function passes(test: SectionTest, index: SectionIndex): boolean {
  switch (test.kind) {
    case 'all':
      return true;
    case 'none':
      return false;
    case 'and':
      return test.parts.every((part) => passes(part, index));
    case 'or':
      return test.parts.some((part) => passes(part, index));
    case 'bits':
      return index.bloom !== undefined && hasBits(index.bloom, test.bits);
    case 'layers':
      return test.anyOf.some((layer) => index.layers.includes(layer));
  }
}
