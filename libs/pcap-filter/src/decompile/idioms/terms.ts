import type { Program } from '@bpfleet/bpf';
import { BpfleetError } from '@bpfleet/errors';
import { compile } from '../../compile.js';
import { decisionsOf } from '../decisions.js';
import { CannotSay } from '../refusal.js';
import { structure } from '../structure.js';
import type { Symbols } from '../symbols.js';
import type { Shape, Shapes } from './shapes.js';

/** A text that means a shape. */
export interface Term {
  readonly text: string;
  readonly shape: Shape;
}

/** For which packets terms are meant. */
export interface Form {
  readonly linkType: string;
  readonly live: boolean;
}

/** A filter has few things to say; each proposal is compiled. */
const MOST_PROPOSALS = 400;

/**
 * Terms that a person may have written, with what they mean on the link type: found by compiling them and reading the
 * program, as the program in question was read. So whatever equals a term's shape may be written as the term.
 */
export class Terms {
  readonly #byId = new Map<number, Term>();
  readonly #proposed = new Set<string>();

  /** @param outer what stands in front: behind `vlan 5`, terms mean what is behind the tag */
  constructor(
    private readonly symbols: Symbols,
    private readonly shapes: Shapes,
    private readonly form: Form,
    private readonly outer?: Term,
  ) {}

  /** Of two texts for one shape the first stays, or the one without `not`. What the link type does not have is left out. */
  propose(text: string): void {
    if (this.shapes.effort.isTiredOfReading || this.#proposed.size >= MOST_PROPOSALS) return;
    if (this.#proposed.has(text)) return;
    this.#proposed.add(text);
    // A list, `port 80 or 443`, is to be denied as one.
    const negated = text.includes(' or ') ? `not (${text})` : `not ${text}`;
    // Optimising puts together what the plain form asks one by one, and programs come in both.
    let before: Program | undefined;
    for (const optimize of [false, true]) {
      const program = this.#programOf(text, optimize);
      if (program === undefined) return;
      if (before !== undefined && isSame(program, before)) return;
      before = program;
      const shape = this.#meaningOf(program);
      if (shape === undefined || shape.kind === 'always') return;
      this.#add({ text, shape });
      this.#add({ text: negated, shape: this.shapes.negate(shape) });
    }
  }

  #add(term: Term): void {
    const known = this.#byId.get(term.shape.id);
    const isPlainer = known?.text.startsWith('not ') === true && !term.text.startsWith('not ');
    if (known === undefined || isPlainer) this.#byId.set(term.shape.id, term);
  }

  for(shape: Shape): Term | undefined {
    return this.#byId.get(shape.id);
  }

  all(): Iterable<Term> {
    return this.#byId.values();
  }

  #programOf(text: string, optimize: boolean): Program | undefined {
    const { outer } = this;
    try {
      return compile(outer === undefined ? text : `${outer.text} and (${text})`, { ...this.form, optimize }).program;
    } catch (error) {
      if (error instanceof BpfleetError) return undefined;
      throw error;
    }
  }

  /** What the program means where the outer term holds. */
  #meaningOf(program: Program): Shape | undefined {
    const { outer, shapes, symbols } = this;
    shapes.effort.read(program.length);
    try {
      const meaning = shapes.of(structure(decisionsOf(program, symbols), symbols));
      return outer === undefined ? meaning : shapes.behind(outer.shape, meaning);
    } catch (error) {
      if (error instanceof CannotSay) return undefined;
      throw error;
    }
  }
}

function isSame(one: Program, other: Program): boolean {
  return (
    one.length === other.length &&
    one.every(({ code, jt, jf, k }, pc) => {
      const { code: otherCode, jt: otherJt, jf: otherJf, k: otherK } = other[pc] ?? {};
      return code === otherCode && jt === otherJt && jf === otherJf && k === otherK;
    })
  );
}
