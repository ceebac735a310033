import { randomBytes } from 'node:crypto';
import { NumberReader } from './number-bytes.js';

const BITS = 14;
const CELLS = 2 ** BITS;
/** Of this process: whoever sends packets cannot choose addresses that all fall into one cell. */
const SEED = randomBytes(4).readInt32LE();

/**
 * What many hosts have, added up in few cells: a cell has at least what each of its hosts has. As a count-min sketch of one
 * row (Cormode and Muthukrishnan, 2005), small enough for a processor's cache, where a table of all hosts is not.
 */
export class HostCells {
  readonly #sums = new Float64Array(CELLS);
  #least = 0;

  /** @param encoded as `HostSums` writes them */
  addEncoded(encoded: Uint8Array, order: 'packets' | 'bytes'): void {
    const sums = this.#sums;
    const reader = new NumberReader(encoded);
    const four = reader.number();
    const six = reader.number();
    const key = new Uint32Array(4);
    for (let n = 0; n < four + six; n++) {
      const words = n < four ? 1 : 4;
      for (let word = 0; word < words; word++) key[word] = reader.u32();
      const packets = reader.number();
      const bytes = reader.number();
      sums[cellOf(key, words)]! += order === 'bytes' ? bytes : packets;
    }
  }

  /** What the cell at this place has, when the largest is at place 1; 0 behind the last one. */
  sumAt(place: number): number {
    return place > CELLS ? 0 : this.#sums.toSorted().at(-place)!;
  }

  /** From now on those are chosen that have as much. */
  choose(least: number): void {
    this.#least = least;
  }

  isChosen(key: Uint32Array): boolean {
    return this.#sums[cellOf(key, key.length)]! >= this.#least;
  }
}

/** Multiplicative hashing (Knuth, vol. 3, 6.4), word by word. */
function cellOf(key: Uint32Array, words: number): number {
  let hash = SEED;
  for (let word = 0; word < words; word++) hash = Math.imul(hash ^ (hash >>> 15) ^ key[word]!, 0x9e3779b1);
  return hash >>> (32 - BITS);
}
