import type { Random } from '../random.js';

/**
 * How often each production of the grammar was written. It also steers: of two choices the rarer one is taken, so that a
 * run of a few thousand expressions reaches every production often, not only the common ones.
 */
export class Coverage {
  readonly #counts = new Map<string, number>();

  /** A production that will be counted, so that one never reached shows as 0. */
  declare(names: Iterable<string>): void {
    for (const name of names) if (!this.#counts.has(name)) this.#counts.set(name, 0);
  }

  add(names: Iterable<string>): void {
    for (const name of names) this.#counts.set(name, this.of(name) + 1);
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0;
  }

  /** One of them, nearly always one that was rare so far. */
  choose<Item>(
    random: Random,
    items: readonly Item[],
    nameOf: (item: Item) => string,
    weightOf = (_: Item) => 1,
  ): Item {
    let rarest = random.of(items);
    for (let more = 0; more < 4; more++) {
      const other = random.of(items);
      if (this.of(nameOf(other)) / weightOf(other) < this.of(nameOf(rarest)) / weightOf(rarest)) rarest = other;
    }
    return rarest;
  }

  /** Rarest first. */
  rows(): [name: string, count: number][] {
    return [...this.#counts].sort(([nameA, a], [nameB, b]) => a - b || (nameA < nameB ? -1 : 1));
  }

  /** Of every production, also of those never reached. */
  get says(): string {
    const each = this.rows().map(([name, count]) => `${name} ${count}`);
    return `coverage, rarest first: ${each.join(', ')}`;
  }
}
