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
    if (this.#proposed.has(text) || this.#proposed.size >= MOST_PROPOSALS) return;
    this.#proposed.add(text);
    // A list, `port 80 or 443`, is to be denied as one.
    const negated = text.includes(' or ') ? `not (${text})` : `not ${text}`;
    // Optimising puts together what the plain form asks one by one, and programs come in both.
    for (const optimize of [false, true]) {
      const shape = this.#meaningOf(text, optimize);
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

  /** What the text means where the outer term holds. */
  #meaningOf(text: string, optimize: boolean): Shape | undefined {
    const { outer } = this;
    const meaning = this.#compiled(outer === undefined ? text : `${outer.text} and (${text})`, optimize);
    if (outer === undefined || meaning === undefined) return meaning;
    return this.shapes.behind(outer.shape, meaning);
  }

  #compiled(text: string, optimize: boolean): Shape | undefined {
    try {
      const { program } = compile(text, { ...this.form, optimize });
      return this.shapes.of(structure(decisionsOf(program, this.symbols), this.symbols));
    } catch (error) {
      if (error instanceof BpfleetError || error instanceof CannotSay) return undefined;
      throw error;
    }
  }
}
