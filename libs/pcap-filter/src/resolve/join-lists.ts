import { type Link, type Logic, leafOf, type Operator } from '../logic.js';
import type { Meaning } from './meaning.js';

/**
 * Makes one list of neighbours that ask about the same field: `host a or host b` looks for a or b in one place, and
 * `not host a and not host b` for neither. A list counts as one test: each field of it is loaded once.
 */
export function joinLists(meanings: Logic<Meaning>): Logic<Meaning> {
  switch (meanings.kind) {
    case 'leaf':
      return meanings;
    case 'not':
      return { kind: 'not', operand: joinLists(meanings.operand) };
    case 'chain':
      // What stands alone in parentheses keeps them.
      if (meanings.rest.length === 0) return { ...meanings, first: joinLists(meanings.first) };
      return joinChain(joinLists(meanings.first), meanings.rest);
  }
}

function joinChain(first: Logic<Meaning>, rest: readonly Link<Meaning>[]): Logic<Meaning> {
  const runs = new Runs(first, rest[0]?.operator ?? 'or');
  for (const { operator, operand } of rest) runs.add(operator, joinLists(operand));
  return runs.finish();
}

/** A chain being built; its last operands are collected until one comes that does not go with them. */
class Runs {
  readonly #operands: Link<Meaning>[] = [];
  #run: Logic<Meaning>[];

  /** The first operand stands before every operator; it goes with what follows by the first of them. */
  constructor(
    first: Logic<Meaning>,
    private operator: Operator,
  ) {
    this.#run = [first];
  }

  add(operator: Operator, operand: Logic<Meaning>): void {
    const [head] = this.#run;
    if (operator === this.operator && head && goTogether(head, operand, operator)) {
      this.#run.push(operand);
      return;
    }
    this.#close();
    this.operator = operator;
    this.#run = [operand];
  }

  finish(): Logic<Meaning> {
    this.#close();
    const [first, ...rest] = this.#operands;
    if (first === undefined) throw new RangeError('a chain without operands');
    return rest.length === 0 ? first.operand : { kind: 'chain', first: first.operand, rest };
  }

  #close(): void {
    this.#operands.push({ operator: this.operator, operand: joined(this.#run) });
  }
}

/** Alternatives, or alternatives that are all denied. */
function goTogether(a: Logic<Meaning>, b: Logic<Meaning>, operator: Operator): boolean {
  if (operator === 'or') return a.kind === 'leaf' && b.kind === 'leaf' && listKey(a.leaf) === listKey(b.leaf);
  return a.kind === 'not' && b.kind === 'not' && goTogether(a.operand, b.operand, 'or');
}

/** Meanings with the same key differ only in their lists. `src and dst` is about one value on both sides: no list. */
function listKey(meaning: Meaning): string | symbol {
  switch (meaning.kind) {
    case 'host4':
      if (meaning.direction === 'src and dst') return Symbol('alone');
      return `${meaning.kind} ${meaning.direction} ${meaning.carriers}`;
    case 'ports':
      if (meaning.direction === 'src and dst') return Symbol('alone');
      return `${meaning.kind} ${meaning.direction} ${meaning.protocols}`;
    case 'host6':
    case 'mac':
      return meaning.direction === 'src and dst' ? Symbol('alone') : `${meaning.kind} ${meaning.direction}`;
    default:
      return Symbol('alone');
  }
}

function joined(run: readonly Logic<Meaning>[]): Logic<Meaning> {
  const [first] = run;
  if (first === undefined) throw new RangeError('an empty run');
  if (run.length === 1) return first;
  if (first.kind === 'not') {
    return { kind: 'not', operand: joined(run.flatMap((part) => (part.kind === 'not' ? [part.operand] : []))) };
  }
  return leafOf(concatenated(run.flatMap((part) => (part.kind === 'leaf' ? [part.leaf] : []))));
}

/** One meaning with the lists of all. */
function concatenated(meanings: readonly Meaning[]): Meaning {
  const [first] = meanings;
  switch (first?.kind) {
    case 'host4':
      return { ...first, networks: meanings.flatMap((one) => (one.kind === 'host4' ? one.networks : [])) };
    case 'host6':
      return { ...first, networks: meanings.flatMap((one) => (one.kind === 'host6' ? one.networks : [])) };
    case 'ports':
      return { ...first, ranges: meanings.flatMap((one) => (one.kind === 'ports' ? one.ranges : [])) };
    case 'mac':
      return { ...first, addresses: meanings.flatMap((one) => (one.kind === 'mac' ? one.addresses : [])) };
    default:
      throw new RangeError('these meanings have no lists');
  }
}
