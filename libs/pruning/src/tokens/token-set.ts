import { finished, firstState, mixed, secondState } from './token-hash.js';

const LEAST_SLOTS = 4096;
/** More cannot be told apart by the largest Bloom filter: 4 bits for each. */
export const MOST_TOKENS = 16_384;
const MOST_SLOTS = 2 * MOST_TOKENS;

/**
 * The distinct tokens of one section, by their hashes: two tokens of one hash are one to a Bloom filter, too. Open
 * addressing over slots that name a place in the list; all memory is used again for the next section.
 */
export class TokenSet {
  readonly #slots = new Int32Array(MOST_SLOTS);
  #mask = LEAST_SLOTS - 1;
  /** Both halves of each token, in the order in which they came. */
  readonly halves = new Int32Array(2 * MOST_TOKENS);
  #size = 0;
  #isFull = false;

  get size(): number {
    return this.#size;
  }

  /** Whether tokens were left out. */
  get isFull(): boolean {
    return this.#isFull;
  }

  clear(): void {
    this.#slots.fill(0, 0, this.#mask + 1);
    this.#mask = LEAST_SLOTS - 1;
    this.#size = 0;
    this.#isFull = false;
  }

  /** @returns whether the token is new, as do all of these */
  add(kind: number, word: number): boolean {
    return this.#insert(finished(mixed(firstState(kind), word), 2), finished(mixed(secondState(kind), word), 2));
  }

  add2(kind: number, a: number, b: number): boolean {
    return this.#insert(
      finished(mixed(mixed(firstState(kind), a), b), 3),
      finished(mixed(mixed(secondState(kind), a), b), 3),
    );
  }

  add4(kind: number, a: number, b: number, c: number, d: number): boolean {
    return this.#insert(
      finished(mixed(mixed(mixed(mixed(firstState(kind), a), b), c), d), 5),
      finished(mixed(mixed(mixed(mixed(secondState(kind), a), b), c), d), 5),
    );
  }

  #insert(first: number, second: number): boolean {
    const { halves } = this;
    let slot = first & this.#mask;
    for (let place = this.#slots[slot]!; place !== 0; place = this.#slots[slot]!) {
      if (halves[2 * place - 2] === first && halves[2 * place - 1] === second) return false;
      slot = (slot + 1) & this.#mask;
    }
    if (this.#size === MOST_TOKENS) {
      this.#isFull = true;
      return false;
    }
    halves[2 * this.#size] = first;
    halves[2 * this.#size + 1] = second;
    this.#slots[slot] = ++this.#size;
    if (2 * this.#size > this.#mask) this.#grow();
    return true;
  }

  #grow(): void {
    if (this.#mask + 1 === MOST_SLOTS) return;
    this.#slots.fill(0, 0, this.#mask + 1);
    this.#mask = 2 * this.#mask + 1;
    for (let place = 1; place <= this.#size; place++) {
      let slot = this.halves[2 * place - 2]! & this.#mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & this.#mask;
      this.#slots[slot] = place;
    }
  }
}
