/** A seeded source of choices: the same seed, the same test. */
export class Random {
  #state: number;

  constructor(readonly seed: number) {
    this.#state = seed >>> 0;
  }

  /** Makes the choices that this one is about to make. */
  copy(): Random {
    return new Random(this.#state);
  }

  /** 0 up to `below`, without it. */
  below(below: number): number {
    // Marsaglia's xorshift would do as well; this one is splitmix32, which any seed suits, also 0.
    this.#state = (this.#state + 0x9e37_79b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97);
    return Math.floor((((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32) * below);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

/** The seed of `BPFLEET_TEST_SEED`, or a new one; every test prints it. */
export function seedOfRun(): number {
  const given = Number(process.env.BPFLEET_TEST_SEED);
  return Number.isInteger(given) && given > 0 ? given : (Date.now() % 1_000_000_000) + 1;
}
