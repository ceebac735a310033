import type { Logic, Operator } from '../logic.js';
import type { Meaning } from '../resolve/meaning.js';
import { join } from './join.js';
import { ALL, type Prefilter } from './prefilter.js';
import { neededBy } from './terms.js';

/**
 * Encapsulations (`vlan`, `mpls`, `pppoes`, `geneve`, `vxlan`) by the order they stand in the text, as a set of bits. What
 * stands to the right of one is looked for behind it, **also where it did not hold**: in `vlan 5 or port 80` the port is
 * read four bytes too far in a packet without a tag. No index knows what stands there, so such a term needs nothing.
 */
type Encapsulations = number;
/** Further ones share one bit, which is never known to hold. */
const MOST_TRACKED = 30;

/** A chain whose operators alternate nests once for each; what is joined deeper needs nothing, so that no walk gets deep. */
const MOST_DEPTH = 100;

/** Of what a single term needs: a list of networks, and what stands beside it. */
const TERM_DEPTH = 3;

/** What must be there for one answer, and the encapsulations that hold then. */
interface Outcome {
  readonly needs: Prefilter;
  readonly known: Encapsulations;
}
interface Outcomes {
  readonly yes: Outcome;
  readonly no: Outcome;
  /** How deep what they need is nested at most. */
  readonly depth: number;
}

export interface DeriveOptions {
  readonly scopedEncapsulation: boolean;
  /** `vlan` moves nothing. Only Ethernet can be so. */
  readonly vlanTransparent: boolean;
}

/** What a packet must contain for the expression to hold. */
export function derive(meanings: Logic<Meaning>, options: DeriveOptions): Prefilter {
  return new Derivation(options).walk(meanings, 0).yes.needs;
}

class Derivation {
  /** Those that the next term is looked for behind. */
  #scope: Encapsulations = 0;
  #count = 0;

  constructor(private readonly options: DeriveOptions) {}

  /** Goes through the terms in the order of the text. `known` hold whenever this part is asked. */
  walk(logic: Logic<Meaning>, known: Encapsulations): Outcomes {
    switch (logic.kind) {
      case 'leaf':
        return this.#term(logic.leaf, known);
      case 'not': {
        const { yes, no, depth } = this.#within(logic.operand, known);
        return { yes: no, no: yes, depth };
      }
      case 'chain':
        return this.#chain(logic, known);
    }
  }

  /** A parenthesis; with the extension what it moves ends with it, as in `lower`. */
  #within(logic: Logic<Meaning>, known: Encapsulations): Outcomes {
    const before = this.#scope;
    const outcomes = this.walk(logic, known);
    if (this.options.scopedEncapsulation && logic.kind === 'chain') this.#scope = before;
    return outcomes;
  }

  /** That a term does not hold needs nothing: tokens say what is there, not what is not. */
  #term(meaning: Meaning, known: Encapsulations): Outcomes {
    const isInPlace = (this.#scope & ~known) === 0;
    const needs = isInPlace ? neededBy(meaning) : ALL;
    const moves = this.#isEncapsulation(meaning) ? 1 << Math.min(this.#count++, MOST_TRACKED) : 0;
    this.#scope |= moves;
    return {
      yes: { needs, known: known | (moves & ~(1 << MOST_TRACKED)) },
      no: { needs: ALL, known },
      depth: TERM_DEPTH,
    };
  }

  #isEncapsulation({ kind }: Meaning): boolean {
    if (kind === 'vlan') return !this.options.vlanTransparent;
    return kind === 'mpls' || kind === 'pppoe-session' || kind === 'geneve' || kind === 'vxlan';
  }

  #chain({ first, rest }: Extract<Logic<Meaning>, { kind: 'chain' }>, known: Encapsulations): Outcomes {
    let run = new Run(rest[0]?.operator ?? 'and', this.#within(first, known));
    for (const { operator, operand } of rest) {
      if (operator !== run.operator) run = new Run(operator, run.outcomes());
      run.add(this.#within(operand, run.knownBeforeNext));
    }
    return run.outcomes();
  }
}

/** Operands joined by one operator. They are kept in a list, so that joining a thousand takes no square of that. */
class Run {
  readonly #yes: Prefilter[];
  readonly #no: Prefilter[];
  /** After all operands so far went on to the next, and after any of them ended the run. */
  #going: Encapsulations;
  #ended: Encapsulations;
  #depth: number;

  constructor(
    readonly operator: Operator,
    { yes, no, depth }: Outcomes,
  ) {
    this.#depth = depth;
    this.#yes = [yes.needs];
    this.#no = [no.needs];
    this.#going = operator === 'and' ? yes.known : no.known;
    this.#ended = operator === 'and' ? no.known : yes.known;
  }

  /** The next operand is asked where an `and` holds so far, or an `or` does not. */
  get knownBeforeNext(): Encapsulations {
    return this.#going;
  }

  add({ yes, no, depth }: Outcomes): void {
    this.#depth = Math.max(this.#depth, depth);
    this.#yes.push(yes.needs);
    this.#no.push(no.needs);
    this.#going = this.operator === 'and' ? yes.known : no.known;
    this.#ended &= this.operator === 'and' ? no.known : yes.known;
  }

  outcomes(): Outcomes {
    const isAnd = this.operator === 'and';
    const isDeep = this.#depth >= MOST_DEPTH;
    const needs = (kind: Operator, parts: readonly Prefilter[]) => (isDeep ? ALL : join(kind, parts));
    return {
      yes: { needs: needs(isAnd ? 'and' : 'or', this.#yes), known: isAnd ? this.#going : this.#ended },
      no: { needs: needs(isAnd ? 'or' : 'and', this.#no), known: isAnd ? this.#ended : this.#going },
      depth: isDeep ? 0 : this.#depth + 1,
    };
  }
}
