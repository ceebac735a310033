import type { Random } from './random.js';

const NOISE_BYTES = 1 << 20;

/** Bytes that do not compress, as most payload today, with the sum of any piece of them at hand. */
export class Noise {
  /** A frame, and the noise behind it: copied within one memory, nothing is allocated. */
  readonly #memory: Uint8Array;
  /** Of the words ahead of each word, modulo 2^32: of a piece no longer than 64 KiB the difference is exact. */
  readonly #sums = new Uint32Array(NOISE_BYTES / 2 + 1);
  readonly frame: Uint8Array;

  constructor(
    private readonly random: Random,
    private readonly frameBytes: number,
  ) {
    this.#memory = new Uint8Array(frameBytes + NOISE_BYTES);
    this.frame = this.#memory.subarray(0, frameBytes);
    for (let at = 0; at < NOISE_BYTES; at++) this.#memory[frameBytes + at] = random() * 256;
    for (let word = 0; word < NOISE_BYTES / 2; word++) {
      const at = frameBytes + 2 * word;
      this.#sums[word + 1] = this.#sums[word]! + ((this.#memory[at]! << 8) | this.#memory[at + 1]!);
    }
  }

  /**
   * Puts a piece of so many bytes into the frame, as far as the frame goes.
   * @returns the sum of all its words
   */
  put(at: number, lengthBytes: number): number {
    const word = Math.floor((this.random() * (NOISE_BYTES - lengthBytes)) / 2);
    const start = this.frameBytes + 2 * word;
    this.#memory.copyWithin(at, start, start + Math.min(lengthBytes, this.frameBytes - at));
    const end = word + (lengthBytes >> 1);
    const odd = lengthBytes & 1 ? this.#memory[this.frameBytes + 2 * end]! << 8 : 0;
    return ((this.#sums[end]! - this.#sums[word]!) >>> 0) + odd;
  }
}
