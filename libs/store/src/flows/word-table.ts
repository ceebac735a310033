import { randomBytes } from 'node:crypto';

/** Of this process: whoever sends packets cannot choose addresses that all fall into one slot. */
const SEED = randomBytes(4).readInt32LE();
/** Most minutes of an agent have few flows, most tables few keys. */
const SMALLEST_SLOTS = 8;

/**
 * Numbers keys of a fixed length, of 32-bit words, in the order in which they first come: 0, 1, 2 … What is kept for each
 * key stands in arrays of the caller, by that number. Allocates only when it grows.
 */
export class WordTable {
  /** The caller puts the key here that `claim` looks for. */
  readonly key: Uint32Array;
  /** Number of the key in each slot, plus one; 0: free. At most half are taken. */
  #slots = new Int32Array(SMALLEST_SLOTS);
  #keys: Uint32Array;
  #size = 0;

  constructor(private readonly words: number) {
    this.key = new Uint32Array(words);
    this.#keys = new Uint32Array((SMALLEST_SLOTS / 2) * words);
  }

  get size(): number {
    return this.#size;
  }

  /** How many keys there is room for without growing. */
  get capacity(): number {
    return this.#slots.length / 2;
  }

  /** No key is known any more; there is room for as many as before. */
  clear(): void {
    this.#slots.fill(0);
    this.#size = 0;
  }

  /** The number of `key`: `size` as it was before when the key is new. */
  claim(): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(this.key, 0, this.words) & mask; ; slot = (slot + 1) & mask) {
      const taken = this.#slots[slot]!;
      if (taken === 0) return this.#add(slot);
      if (this.#isKey(taken - 1)) return taken - 1;
    }
  }

  /** One word of a key. */
  word(number: number, index: number): number {
    return this.#keys[number * this.words + index]!;
  }

  #isKey(number: number): boolean {
    const at = number * this.words;
    for (let index = 0; index < this.words; index++) {
      if (this.#keys[at + index] !== this.key[index]) return false;
    }
    return true;
  }

  #add(slot: number): number {
    if (this.#size === this.capacity) {
      this.#grow();
      return this.claim();
    }
    const number = this.#size++;
    this.#slots[slot] = number + 1;
    this.#keys.set(this.key, number * this.words);
    return number;
  }

  #grow(): void {
    const keys = new Uint32Array(this.#keys.length * 2);
    keys.set(this.#keys);
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#size; number++) {
      let slot = hashOf(keys, number * this.words, this.words) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    this.#keys = keys;
    this.#slots = slots;
  }
}

/** MurmurHash3, 32 bits. */
function hashOf(words: Uint32Array, at: number, count: number): number {
  let hash = SEED;
  for (let index = 0; index < count; index++) {
    let word = Math.imul(words[at + index]!, 0xcc9e2d51);
    word = (word << 15) | (word >>> 17);
    hash ^= Math.imul(word, 0x1b873593);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
