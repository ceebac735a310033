import { negate, type Test } from '../formula.js';
import type { Symbols } from '../symbols.js';
import { joinWritten, type Written } from '../write.js';
import { questionsOf, type Shape, type Shapes, testOf } from './shapes.js';
import type { Term, Terms } from './terms.js';

type Joined = Extract<Shape, { kind: 'all' | 'any' }>;
type Leaf = Extract<Shape, { kind: 'leaf' }>;

/** What a speaker needs beside the shape. */
export interface Language {
  readonly symbols: Symbols;
  readonly shapes: Shapes;
  readonly terms: Terms;
  /** For what no term says. */
  readonly plainly: (leaf: Leaf) => Written;
}

/**
 * Says a shape in terms. A part of `and` may be said by a term that means the same only where the other parts hold: behind
 * `ip`, `tcp port 80` need not speak of IPv6; of `or`, only where the others do not hold.
 * @param facts what holds wherever the shape is asked for
 */
export function say(shape: Shape, facts: readonly Test[], language: Language): Written {
  const { terms, plainly } = language;
  const term = terms.for(shape) ?? termUnder(shape, facts, language);
  if (term !== undefined) return { text: term.text, ...joinOf(term) };
  switch (shape.kind) {
    case 'always':
      return { text: shape.value ? '' : 'len < 0' };
    case 'leaf':
      return plainly(shape);
    default:
      return new Cover(shape, facts, language).say();
  }
}

/** A list, `port 80 or 443`, is a term that must not stand bare beside `and`. */
function joinOf({ text }: Term): Pick<Written, 'joined'> {
  return !text.startsWith('not ') && text.includes(' or ') ? { joined: 'any' } : {};
}

function termUnder(shape: Shape, facts: readonly Test[], { shapes, terms }: Language): Term | undefined {
  if (facts.length === 0 || shapes.effort.isTiredOfComparing) return undefined;
  for (const term of terms.all()) if (shapes.assume(term.shape, facts).id === shape.id) return term;
  return undefined;
}

/** A term, and which parts of a shape, by place, its own parts are. */
interface Proposal {
  readonly term: Term;
  readonly places: readonly number[];
}

/**
 * Chooses terms for the parts of one `and` or `or`. Parts keep their order, and a term stands where the last of its parts
 * stood: nothing is asked before what was asked in front of it, since a load outside the packet ends everything.
 */
class Cover {
  readonly #said: Written[];
  readonly #open: Set<number>;
  readonly #places: ReadonlyMap<number, number>;

  constructor(
    private readonly shape: Joined,
    private readonly facts: readonly Test[],
    private readonly language: Language,
  ) {
    this.#said = [];
    this.#open = new Set(shape.parts.keys());
    this.#places = new Map(shape.parts.map(({ id }, place) => [id, place]));
  }

  say(): Written {
    const { parts, kind } = this.shape;
    // Parts that have a term of their own hold whatever the others are said by.
    const anchors = [...parts.keys()].filter((place) => this.language.terms.for(parts[place] as Shape) !== undefined);
    this.#choose(this.#proposals(anchors));
    for (const place of this.#open) {
      const part = parts[place] as Shape;
      // What gives others a fact is said under the anchors alone: two parts must not each be said under the other.
      const others = testOf(part) === undefined ? [...parts.keys()] : anchors;
      const facts = this.#factsOf(others.filter((one) => one < place));
      this.#said[place] = say(part, [...this.facts, ...facts], this.language);
    }
    return joinWritten(
      kind,
      this.#said.filter((written) => written !== undefined),
    );
  }

  /** Terms as they are, and what they mean behind the anchors: that says no anchor, and nothing in front of one. */
  #proposals(anchors: readonly number[]): Proposal[] {
    const { terms, shapes } = this.language;
    const known = [...this.facts, ...this.#factsOf(anchors)];
    const first = (anchors.at(-1) ?? -1) + 1;
    const all: Proposal[] = [];
    if (shapes.effort.isTiredOfComparing) return all;
    for (const term of terms.all()) {
      all.push({ term, places: this.#placesOf(term.shape) });
      if (known.length === 0) continue;
      const places = this.#placesOf(shapes.assume(term.shape, known));
      if (places.every((place) => place >= first)) all.push({ term, places });
    }
    return all.filter(({ places }) => places.length > 0);
  }

  /** Greedily the term that says most of what is not said yet. A part with a term of its own is not worth a second one. */
  #choose(proposals: readonly Proposal[]): void {
    for (;;) {
      let best: { term: Term; gained: readonly number[]; gain: number } | undefined;
      for (const { term, places } of proposals) {
        const gained = this.#gained(places);
        if (gained.length === 0 || (gained.length === 1 && this.#isAnchor(gained[0]))) continue;
        const questions = gained.reduce((sum, place) => sum + questionsOf(this.shape.parts[place] as Shape), 0);
        const gain = questions - 0.1 * (places.length - gained.length);
        if (best === undefined || gain > best.gain) best = { term, gained, gain };
      }
      if (best === undefined) return;
      for (const place of best.gained) this.#open.delete(place);
      this.#said[best.gained.at(-1) ?? 0] = { text: best.term.text, ...joinOf(best.term) };
    }
  }

  /** Of a term's parts the last in a row: those in front of a gap are not said by it, because it stands behind the gap. */
  #gained(places: readonly number[]): number[] {
    const row: number[] = [];
    for (const place of places.toReversed()) {
      if (!this.#open.has(place) || (row[0] !== undefined && row[0] !== place + 1)) break;
      row.unshift(place);
    }
    return row;
  }

  #isAnchor(place: number | undefined): boolean {
    const part = this.shape.parts[place ?? -1];
    return part !== undefined && this.language.terms.for(part) !== undefined;
  }

  /** The parts of this shape that a term's shape is made of, in order, if it is made of such only. */
  #placesOf(shape: Shape): readonly number[] {
    const parts = shape.kind === this.shape.kind && 'parts' in shape ? shape.parts : [shape];
    const places = parts.map(({ id }) => this.#places.get(id) ?? -1);
    return places.every((place, index) => place > (places[index - 1] ?? -1)) ? places : [];
  }

  /** What holds behind these parts: in `or`, that they do not. */
  #factsOf(places: readonly number[]): Test[] {
    return places.flatMap((place) => {
      const asked = testOf(this.shape.parts[place] as Shape);
      if (asked === undefined) return [];
      const fact = this.shape.kind === 'all' ? asked : negate(this.language.symbols, asked);
      return fact.kind === 'test' ? [fact] : [];
    });
  }
}
