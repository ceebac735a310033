import { ALL_BITS, complement, intersection, isSame, type Ranges } from '../../ir/ranges.js';
import { type Formula, negate, type Question, type Test, test } from '../formula.js';
import type { Symbols } from '../symbols.js';
import { Effort } from './effort.js';

/**
 * A formula as it is compared with others: lists of values are taken apart, because `ip or arp` was joined to one test. The
 * order of parts counts: what is asked later may be asked of a packet that is too short for it. Shapes of one table are
 * equal when their numbers are.
 */
export type Shape =
  | { readonly kind: 'always'; readonly id: number; readonly value: boolean }
  | { readonly kind: 'leaf'; readonly id: number; readonly question: Question }
  | {
      readonly kind: 'all' | 'any';
      readonly id: number;
      readonly parts: readonly Shape[];
      /** Where it is one list of values that was taken apart. */
      readonly list?: Test;
    };

/** A list of more values stays one test. */
const LONGEST_LIST = 32;

export class Shapes {
  readonly effort = new Effort();
  readonly #ids = new Map<string, number>();

  constructor(private readonly symbols: Symbols) {}

  of(formula: Formula): Shape {
    switch (formula.kind) {
      case 'always':
        return this.always(formula.value);
      case 'comparison':
        return this.#leaf(formula);
      case 'test':
        return this.#ofTest(formula);
      case 'all':
      case 'any':
        return this.join(
          formula.kind,
          formula.parts.map((part) => this.of(part)),
        );
    }
  }

  always(value: boolean): Shape {
    return { kind: 'always', id: this.#id(String(value)), value };
  }

  join(kind: 'all' | 'any', parts: readonly Shape[]): Shape {
    const flat = new Map<number, Shape>();
    for (const part of parts.flatMap((one) => (one.kind === kind ? one.parts : [one]))) {
      if (part.kind === 'always' && part.value === (kind === 'any')) return part;
      if (part.kind !== 'always') flat.set(part.id, part);
    }
    const joined = [...flat.values()];
    const [only, ...more] = joined;
    if (only === undefined) return this.always(kind === 'all');
    if (more.length === 0) return only;
    return { kind, id: this.#id(`${kind} ${[...flat.keys()].join(' ')}`), parts: joined };
  }

  /** The rest of a conjunction that begins with all parts of another one; undefined where it does not. */
  behind(front: Shape, whole: Shape): Shape | undefined {
    const parts = front.kind === 'all' ? front.parts : [front];
    const all = whole.kind === 'all' ? whole.parts : [whole];
    return parts.every(({ id }, index) => id === all[index]?.id)
      ? this.join('all', all.slice(parts.length))
      : undefined;
  }

  negate(shape: Shape): Shape {
    switch (shape.kind) {
      case 'always':
        return this.always(!shape.value);
      case 'leaf':
        return this.of(negate(this.symbols, shape.question));
      default: {
        const kind = shape.kind === 'all' ? 'any' : 'all';
        if (shape.list !== undefined) return this.of(negate(this.symbols, shape.list));
        return this.join(
          kind,
          shape.parts.map((part) => this.negate(part)),
        );
      }
    }
  }

  /** What is left of the shape where the facts hold. */
  assume(shape: Shape, facts: readonly Test[]): Shape {
    switch (shape.kind) {
      case 'always':
        return shape;
      case 'leaf':
        return this.#answered(shape, facts);
      default: {
        const answered = this.#answered(shape, facts);
        if (answered.kind === 'always') return answered;
        return this.join(
          shape.kind,
          shape.parts.map((part) => this.assume(part, facts)),
        );
      }
    }
  }

  #answered(shape: Shape, facts: readonly Test[]): Shape {
    this.effort.assume();
    const asked = testOf(shape);
    if (asked === undefined) return shape;
    for (const { value, mask, within } of facts) {
      if (value !== asked.value || mask !== asked.mask) continue;
      const common = intersection(within, asked.within);
      if (common.length === 0) return this.always(false);
      if (isSame(common, within)) return this.always(true);
    }
    return shape;
  }

  #ofTest(formula: Test): Shape {
    const { value, mask, within } = formula;
    const holes = intersection(complement(within), Uint32Array.of(0, mask === ALL_BITS ? value.largest : mask));
    if (Math.min(within.length, holes.length) <= 2 || within.length > 2 * LONGEST_LIST) return this.#leaf(formula);
    if (within.length <= holes.length) return this.#list(formula, 'any', this.#each(formula, within));
    const parts = this.#each(formula, holes).map((part) =>
      part.kind === 'leaf' && part.question.kind === 'test'
        ? this.#tested({ ...part.question, within: complement(part.question.within) })
        : part,
    );
    return this.#list(formula, 'all', parts);
  }

  #list(list: Test, kind: 'all' | 'any', parts: readonly Shape[]): Shape {
    const joined = this.join(kind, parts);
    return joined.kind === kind ? { ...joined, list } : joined;
  }

  #each(formula: Test, ranges: Ranges): Shape[] {
    return Array.from({ length: ranges.length / 2 }, (_, index) =>
      this.#tested({ ...formula, within: ranges.slice(2 * index, 2 * index + 2) }),
    );
  }

  #tested({ value, mask, within }: Test): Shape {
    const one = test(this.symbols, value, mask, within);
    return one.kind === 'always' ? this.always(one.value) : this.#leaf(one);
  }

  #leaf(question: Question): Shape {
    const key =
      question.kind === 'test'
        ? `t${question.value.id} ${question.mask} ${question.within.join(' ')}`
        : `c${question.left.id}${question.sign}${question.right.id}`;
    return { kind: 'leaf', id: this.#id(key), question };
  }

  #id(key: string): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    this.#ids.set(key, this.#ids.size);
    return this.#ids.size - 1;
  }
}

/** The one test that it is. */
export function testOf(shape: Shape): Test | undefined {
  if (shape.kind === 'leaf') return shape.question.kind === 'test' ? shape.question : undefined;
  return shape.kind === 'always' ? undefined : shape.list;
}

/** How many questions it asks. */
export function questionsOf(shape: Shape): number {
  if (shape.kind === 'all' || shape.kind === 'any') {
    return shape.parts.reduce((sum, part) => sum + questionsOf(part), 0);
  }
  return 1;
}
