export { bitsOf, HASHES, hasBits, MOST_BYTES, makeBloom } from './bloom/bloom.js';
export { joined, ofLinkTypes, planSections } from './plan/plan-sections.js';
export { EVERY_SECTION, mayHold, type SectionTest } from './plan/section-test.js';
export { tokenTest } from './plan/token-test.js';
export { layerOf } from './tokens/layers.js';
export type { PacketPlace } from './tokens/packet-place.js';
export { OPAQUE, type SectionIndex, SectionIndexer } from './tokens/section-index.js';
export { hashOf } from './tokens/token-hash.js';
export { MOST_TOKENS, TokenSet } from './tokens/token-set.js';
