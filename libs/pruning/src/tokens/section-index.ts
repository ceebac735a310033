import { makeBloom } from '../bloom/bloom.js';
import { LayerSet, layerOf } from './layers.js';
import type { PacketPlace } from './packet-place.js';
import { PacketWalk } from './packet-walk.js';
import { TokenSet } from './token-set.js';

/** What the store keeps of a section to tell what it cannot hold. */
export interface SectionIndex {
  /** Undefined where no packet has a token. */
  readonly bloom: Uint8Array | undefined;
  /** See `layerOf`; rising. */
  readonly layers: readonly number[];
  /** Not everything in it is indexed: no query may leave it out. */
  readonly opaque: boolean;
}

/** Of a section that nobody looked into. */
export const OPAQUE: SectionIndex = { bloom: undefined, layers: [], opaque: true };

/** Makes the index of one section after the other; its memory is its own and is used again. */
export class SectionIndexer {
  readonly #tokens = new TokenSet();
  readonly #layers = new LayerSet();
  readonly #walk = new PacketWalk(this.#tokens, this.#layers);

  /** Whether whatever follows changes nothing any more. */
  get isOpaque(): boolean {
    return this.#walk.isOpaque || this.#tokens.isFull || this.#layers.isFull;
  }

  begin(): void {
    this.#tokens.clear();
    this.#layers.clear();
    this.#walk.clear();
  }

  /**
   * @param bytes what `place` refers to
   * @param linkType LINKTYPE_ number
   * @param isTagPutBack the outer VLAN tag was metadata, and stands in the bytes now
   */
  add(bytes: Uint8Array, place: PacketPlace, linkType: number, isTagPutBack: boolean): void {
    this.#layers.add(layerOf.linkType(linkType));
    this.#walk.packet(bytes, place, linkType, isTagPutBack);
  }

  /** The index of all packets since `begin`. */
  finish(): SectionIndex {
    if (this.isOpaque) return OPAQUE;
    const bloom = this.#tokens.size === 0 ? undefined : makeBloom(this.#tokens);
    return { bloom, layers: this.#layers.values(), opaque: false };
  }
}
