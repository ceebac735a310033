import type { LinkForm } from '../link-types.js';
import type { Random } from '../random.js';
import type { Coverage } from './coverage.js';
import type { Production } from './primitives.js';

/** Writes one expression, and remembers which productions it is made of. */
export class Writer {
  readonly used = new Set<string>();
  /** What the term before was written by. */
  previous: Production | undefined;
  /** Bytes that were read: asked for again they are what a compiler loads once. */
  readonly fields: string[] = [];

  constructor(
    readonly random: Random,
    readonly form: LinkForm,
    readonly coverage: Coverage,
  ) {}

  /** One of a production's variants, counted as `group variant`. */
  variant<Name extends string>(group: string, variants: readonly Name[]): Name {
    const chosen = this.coverage.choose(this.random, variants, (name) => `${group} ${name}`);
    this.used.add(`${group} ${chosen}`);
    return chosen;
  }

  /** Counts a production that is not chosen from a list. */
  note<Text>(production: string, text: Text): Text {
    this.used.add(production);
    return text;
  }

  of<Item>(items: readonly Item[]): Item {
    return this.random.of(items);
  }

  chance(percent: number): boolean {
    return this.random.chance(percent);
  }

  below(limit: number): number {
    return this.random.below(limit);
  }

  /** A number as the language takes it: decimal, octal or hexadecimal. */
  number(value: number): string {
    switch (this.below(8)) {
      case 0:
        return this.note('1.2 hexadecimal', `0x${value.toString(16)}`);
      case 1:
        return this.note('1.2 octal', `0${value.toString(8)}`);
      default:
        return String(value);
    }
  }
}
