import { BpfleetError } from '@bpfleet/errors';
import { compile } from '../../compile.js';
import { decisionsOf } from '../decisions.js';
import { type Formula, negate } from '../formula.js';
import { CannotSay } from '../refusal.js';
import { structure } from '../structure.js';
import type { Symbols } from '../symbols.js';
import type { Shape, Shapes } from './shapes.js';

/** A text that means a shape. */
export interface Term {
  readonly text: string;
  readonly shape: Shape;
}

/** A filter has few things to say; each proposal is compiled. */
const MOST_PROPOSALS = 600;

/**
 * Terms that a person may have written, with what they mean on the link type: found by compiling them and reading the
 * program, as the program in question was read. So whatever equals a term's shape may be written as the term.
 */
export class Terms {
  readonly #byId = new Map<number, Term>();
  readonly #proposed = new Set<string>();

  constructor(
    private readonly symbols: Symbols,
    private readonly shapes: Shapes,
    private readonly form: { readonly linkType: string; readonly live: boolean },
  ) {}

  /** Of two texts for one shape the first stays. What the link type does not have is left out. */
  propose(text: string): void {
    if (this.#proposed.has(text) || this.#proposed.size >= MOST_PROPOSALS) return;
    this.#proposed.add(text);
    // Optimising puts together what the plain form asks one by one, and programs come in both.
    for (const optimize of [false, true]) {
      const formula = this.#meaningOf(text, optimize);
      if (formula === undefined) return;
      this.#add(text, formula);
      this.#add(/ (and|or) /.test(text) ? `not (${text})` : `not ${text}`, negate(this.symbols, formula));
    }
  }

  for(shape: Shape): Term | undefined {
    return this.#byId.get(shape.id);
  }

  all(): Iterable<Term> {
    return this.#byId.values();
  }

  #add(text: string, formula: Formula): void {
    const shape = this.shapes.of(formula);
    if (shape.kind !== 'always' && !this.#byId.has(shape.id)) this.#byId.set(shape.id, { text, shape });
  }

  #meaningOf(text: string, optimize: boolean): Formula | undefined {
    try {
      const { program } = compile(text, { ...this.form, optimize });
      return structure(decisionsOf(program, this.symbols), this.symbols);
    } catch (error) {
      if (error instanceof BpfleetError || error instanceof CannotSay) return undefined;
      throw error;
    }
  }
}
