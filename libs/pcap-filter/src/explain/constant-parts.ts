import type { Ir } from '../ir/ir.js';
import { slotsReadBy } from '../ir/slots.js';
import { countLeaves, type Logic } from '../logic.js';
import { ACCEPT, buildGraph, canAccept, type Graph, REJECT, type Target, type Ways } from '../optimise/graph.js';
import { optimise } from '../optimise/optimise.js';
import type { Meaning } from '../resolve/meaning.js';

/** A part of an expression that says the same of every packet long enough to be asked. */
export interface ConstantPart {
  readonly holds: boolean;
  readonly part: Logic<Meaning>;
  readonly isWhole: boolean;
}

/** Conditions that are looked at, over all parts together; hostile expressions have no end of parts. */
const MOST_CONDITIONS = 4000;

/**
 * The smallest parts of which the optimiser can prove that every packet matches them, or none; those with parts of that
 * kind in them are left out.
 */
export function constantParts(meanings: Logic<Meaning>, ir: Ir): readonly ConstantPart[] {
  return new Search(meanings).in(meanings, ir);
}

class Search {
  #conditionsLeft = MOST_CONDITIONS;

  constructor(private readonly whole: Logic<Meaning>) {}

  in(part: Logic<Meaning>, ir: Ir): readonly ConstantPart[] {
    const within = this.#within(part, ir);
    return within.length > 0 ? within : this.#asked(part, ir);
  }

  /** Of a chain also what stands in front of a change between “and” and “or”: that is joined first. */
  #within(part: Logic<Meaning>, ir: Ir): readonly ConstantPart[] {
    if (part.kind === 'not') return ir.kind === 'not' ? this.in(part.operand, ir.operand) : [];
    if (part.kind === 'leaf' || ir.kind !== 'chain' || ir.rest.length !== part.rest.length) return [];
    const found = [...this.in(part.first, ir.first)];
    for (const [index, { operator, operand }] of part.rest.entries()) {
      const link = ir.rest[index];
      if (link === undefined) break;
      if (index > 0 && found.length === 0 && part.rest[index - 1]?.operator !== operator) {
        const front = { kind: 'chain', first: part.first, rest: part.rest.slice(0, index) } as const;
        found.push(...this.#asked(front, { kind: 'chain', first: ir.first, rest: ir.rest.slice(0, index) }));
      }
      found.push(...this.in(operand, link.operand));
    }
    return found;
  }

  #asked(part: Logic<Meaning>, ir: Ir): readonly ConstantPart[] {
    // Of the terms only these can be constant: all others ask for something that some packets are and others are not.
    if (part.kind === 'not' || (part.kind === 'leaf' && part.leaf.kind !== 'relation' && part.leaf.kind !== 'length')) {
      return [];
    }
    this.#conditionsLeft -= countLeaves(ir);
    // What a slot holds is decided elsewhere.
    const isWhole = part === this.whole;
    if (this.#conditionsLeft < 0 || (!isWhole && slotsReadBy(ir).size > 0)) return [];
    const { graph, steps } = buildGraph(ir);
    const optimised = optimise(graph, steps);
    const canMatch = canAccept(optimised);
    if (canMatch && canAccept(denied(optimised))) return [];
    return [{ holds: canMatch, part, isWhole }];
  }
}

/** What is rejected where the graph accepts. */
function denied({ nodes, entry }: Graph): Graph<Ways> {
  const other = (target: Target) => (target === ACCEPT ? REJECT : target === REJECT ? ACCEPT : target);
  return { entry: other(entry), nodes: nodes.map(({ yes, no }) => ({ yes: other(yes), no: other(no) })) };
}
