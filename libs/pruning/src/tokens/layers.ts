/**
 * What a section's packets are made of, exactly: numbers from small spaces that every section has a few of, so that a
 * Bloom filter would only add wrong answers. One integer each, the space in front. Part of the stored format.
 */
export const layerOf = {
  linkType: (number: number): number => 0x1_0000 + number,
  etherType: (number: number): number => 0x2_0000 + number,
  protocol: (number: number): number => 0x3_0000 + number,
} as const;

/** What has more is no traffic. */
export const MOST_LAYERS = 64;

/** A few integers; most questions are about one of the first. */
export class LayerSet {
  readonly #layers = new Int32Array(MOST_LAYERS);
  #size = 0;
  #isFull = false;

  get isFull(): boolean {
    return this.#isFull;
  }

  clear(): void {
    this.#size = 0;
    this.#isFull = false;
  }

  add(layer: number): void {
    for (let index = 0; index < this.#size; index++) if (this.#layers[index] === layer) return;
    if (this.#size === MOST_LAYERS) this.#isFull = true;
    else this.#layers[this.#size++] = layer;
  }

  /** Rising. */
  values(): number[] {
    return [...this.#layers.subarray(0, this.#size).toSorted()];
  }
}
